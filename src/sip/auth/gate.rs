//! The server's role: challenges, and judges the credentials that come back.
//! Which request needs credentials, and whose they must be, is decided above.

use arrayvec::ArrayVec;

use super::algorithm::{Algorithm, Hex, decode};
use super::challenge::{Challenges, Quoted};
use super::digest::{Counted, Secret, Terms, hashed_a2, says};
use super::guard::ReplayGuard;
use super::nonce::{Nonces, Stamp};
use super::uris::RegisterUris;
use crate::base::{Hasher, ShardId, UnixTime};
use crate::wire::DigestParams;

/// What a gate is made from.
pub struct Settings<'a> {
    /// `realm` of the challenges.
    pub realm: &'a str,
    /// The engine's key, the same on every shard, random for each start.
    pub key: [u8; 32],
    /// The shard.
    pub shard: ShardId,
    /// How long a nonce may be used, in seconds (60 serves well).
    pub lifetime_s: u32,
    /// Proven nonces remembered at once, 24 bytes each.
    pub remembered: usize,
    /// Algorithms offered, most preferred first; one header each. Many phones
    /// look at the first only and know MD5 only.
    pub algorithms: &'a [Algorithm],
    /// The shard's hasher.
    pub hasher: Hasher,
}

/// What credentials turn out to be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// They prove the secret, and had not been used → go on.
    Accepted,
    /// The nonce is too old, not ours, or spent with this count → 401 with
    /// [`Offer::Stale`].
    Stale,
    /// The algorithm was not offered, or does not suit the user's secret → 401
    /// with [`Offer::Md5`].
    Unsuited,
    /// Wrong secret, another's name, an unknown user, or a secret that no
    /// offered algorithm suits → 403.
    Refused,
    /// A parameter is missing or improper → 400.
    Malformed,
}

/// Why a challenge is given.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Offer {
    /// No credentials for our realm came with the request.
    First,
    /// After [`Outcome::Stale`]: the user need not be asked again.
    Stale,
    /// After [`Outcome::Unsuited`]: MD5 alone, if it is offered at all.
    Md5,
}

/// Whether credentials prove that whoever calls itself `user` knows `secret`,
/// whoever minted their nonce and however often it was used: for test tools
/// that play a server with a fixed challenge.
pub fn proves(params: &DigestParams, method: &[u8], user: &[u8], secret: Secret) -> bool {
    let (Some(proof), Some(algorithm)) = (
        Proof::read(params),
        Algorithm::parse(params.algorithm()).filter(|algorithm| secret.suits(*algorithm)),
    ) else {
        return false;
    };
    let terms = Terms {
        algorithm,
        user,
        realm: params.realm().unwrap_or_default(),
        secret,
        nonce: proof.nonce,
        cnonce: proof.cnonce,
        counted: proof.counted,
        a2: hashed_a2(algorithm, method, proof.uri),
    };
    terms.response().matches(proof.response) && says(proof.username, user)
}

/// One shard's gate for one realm.
pub struct Gate {
    realm: Box<str>,
    /// The same as it stands between quotes.
    quoted_realm: Box<str>,
    algorithms: ArrayVec<Algorithm, 4>,
    nonces: Nonces,
    guard: ReplayGuard,
    uris: RegisterUris,
    /// Stands in for the secret of unknown users.
    decoy: Hex,
}

impl Gate {
    /// A gate that accepts nonces it mints itself from now on. Without
    /// algorithms it offers MD5; at most four are offered.
    pub fn new(settings: Settings, start: UnixTime) -> Gate {
        let Settings {
            realm,
            key,
            shard,
            lifetime_s,
            remembered,
            algorithms,
            hasher,
        } = settings;
        let algorithms = if algorithms.is_empty() {
            &[Algorithm::Md5]
        } else {
            algorithms
        };
        Gate {
            realm: realm.into(),
            quoted_realm: Quoted(realm).to_string().into(),
            algorithms: algorithms.iter().copied().take(4).collect(),
            nonces: Nonces::new(&key, shard, realm.as_bytes(), lifetime_s, start),
            guard: ReplayGuard::new(remembered, hasher, Stamp::last_of(start)),
            uris: RegisterUris::default(),
            decoy: Algorithm::Md5.hash(&[b"decoy", &key]),
        }
    }

    /// The challenges of a 401 or 407, one header each. `now` does not run
    /// backwards.
    pub fn challenge(&mut self, now: UnixTime, offer: Offer) -> Challenges<'_> {
        let nonce = self.nonces.mint(now);
        let md5_only =
            offer == Offer::Md5 && self.algorithms.iter().any(|algorithm| algorithm.is_md5());
        Challenges {
            realm: &self.quoted_realm,
            nonce,
            algorithms: self.algorithms.iter(),
            md5_only,
            stale: offer == Offer::Stale,
        }
    }

    /// The first credentials meant for our realm. Others are somebody else's
    /// (RFC 3261 §22.3).
    pub fn find<'a>(
        &self,
        mut credentials: impl Iterator<Item = DigestParams<'a>>,
    ) -> Option<DigestParams<'a>> {
        credentials.find(|params| {
            params.scheme_is_digest
                && params
                    .realm()
                    .is_some_and(|realm| says(realm, self.realm.as_bytes()))
        })
    }

    /// Judges the nonce alone: what can be refused before anybody is looked up.
    pub fn is_fresh(&self, now: UnixTime, params: &DigestParams) -> bool {
        let nonce = params.nonce().unwrap_or_default();
        self.nonces.check(now, nonce).is_some()
    }

    /// Judges credentials found by [`Gate::find`] for a request of `method`
    /// that must come from `user`. Without a `secret` the user is unknown: the
    /// same work is done and nothing is accepted, so that neither answer nor
    /// timing tells who exists.
    pub fn verify(
        &mut self,
        now: UnixTime,
        params: &DigestParams,
        method: &[u8],
        user: &[u8],
        secret: Option<Secret>,
    ) -> Outcome {
        let Some(proof) = Proof::read(params) else {
            return Outcome::Malformed;
        };
        let known = secret.is_some();
        // As much is computed for it as for the devices of a configuration.
        let decoy = Secret::Both {
            password: self.decoy.as_bytes(),
            md5: self.decoy.as_bytes(),
        };
        let secret = secret.unwrap_or(decoy);
        if !self.algorithms.iter().any(|&offered| secret.suits(offered)) {
            return Outcome::Refused;
        }
        let algorithm = match Algorithm::parse(params.algorithm()) {
            Some(algorithm) if secret.suits(algorithm) && self.algorithms.contains(&algorithm) => {
                algorithm
            }
            _ => return Outcome::Unsuited,
        };
        let Some(stamp) = self.nonces.check(now, proof.nonce) else {
            return Outcome::Stale;
        };
        let terms = Terms {
            algorithm,
            user,
            realm: self.realm.as_bytes(),
            secret,
            nonce: proof.nonce,
            cnonce: proof.cnonce,
            counted: proof.counted,
            a2: self.uris.hashed_a2(algorithm, method, proof.uri),
        };
        let proven = terms.response().matches(proof.response);
        if !(proven && known && says(proof.username, user)) {
            return Outcome::Refused;
        }
        if self
            .guard
            .spend(stamp, proof.count, self.nonces.horizon(now))
        {
            Outcome::Accepted
        } else {
            Outcome::Stale
        }
    }
}

/// The parameters of credentials, all there and in their form.
struct Proof<'a> {
    username: &'a [u8],
    nonce: &'a [u8],
    uri: &'a [u8],
    response: &'a [u8],
    cnonce: &'a [u8],
    counted: Option<Counted<'a>>,
    /// `nc`; 1 in the form of RFC 2069, which allows one use of a nonce.
    count: u32,
}

impl<'a> Proof<'a> {
    /// `None` if a parameter that RFC 7616 §3.4 requires is missing or
    /// improper. `uri` may differ from the Request-URI (RFC 8760 §2.6, 6).
    fn read(params: &DigestParams<'a>) -> Option<Proof<'a>> {
        let (counted, count) = match params.qop() {
            None => (None, 1),
            Some(qop) if qop.eq_ignore_ascii_case(b"auth") => {
                let nc = params.nc()?;
                params.cnonce()?;
                (Some(Counted { nc, qop }), u32::try_from(decode(nc)?).ok()?)
            }
            Some(_) => return None,
        };
        Some(Proof {
            username: params.username()?,
            nonce: params.nonce()?,
            uri: params.uri().filter(|uri| !uri.is_empty())?,
            response: params.response()?,
            cnonce: params.cnonce().unwrap_or_default(),
            counted,
            count,
        })
    }
}

#[cfg(test)]
mod tests;
