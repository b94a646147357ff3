//! `/`: one page that draws the engine's load. It has all it needs, and its
//! policy forbids the browser to fetch anything from elsewhere.

use axum::http::HeaderName;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::response::{IntoResponse, Response};

/// Nothing but what is in the page itself, and answers of this very server.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; \
    connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const HEADERS: [(HeaderName, &str); 5] = [
    (CONTENT_TYPE, "text/html; charset=utf-8"),
    (CONTENT_SECURITY_POLICY, POLICY),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (REFERRER_POLICY, "no-referrer"),
    (CACHE_CONTROL, "no-store"),
];

/// Style and script stand in files of their own, and in the page on the wire.
fn whole() -> String {
    include_str!("page/page.html")
        .replace("/* style */", include_str!("page/page.css"))
        .replace("/* script */", include_str!("page/page.js"))
}

pub(super) async fn page() -> Response {
    (HEADERS, whole()).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_has_all_it_needs() {
        let page = whole();
        for outside in [
            "http://",
            "https://",
            "src=",
            "@import",
            "url(",
            "href=\"//",
        ] {
            assert!(!page.contains(outside), "{outside}");
        }
        assert!(page.contains("setTimeout") && page.contains("prefers-color-scheme"));
        assert!(!page.contains("/* script */") && !page.contains("/* style */"));
    }
}
