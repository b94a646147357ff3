// The kernel's side of steering: picks, in a SO_REUSEPORT group, the socket of
// the shard that owns a datagram's Call-ID. Where it finds none it chooses
// nothing, and the kernel spreads by addresses and ports as it always does.
//
// To the header line it reads what `glance` of pinion-sip reads, and hashes as
// `shard_of` does; a difference costs a hand-off between shards, never a call.
//
// Rebuild after a change:  src/runtime/steer/build
//
// The verifier walks every path and sees two as one only where they look alike
// to it. So indices go through `masked`, and what paths know of a number is
// wiped out by `forget`: the search is then walked once, not once for each
// place where it may end.

typedef unsigned char u8;
typedef unsigned int u32;
typedef unsigned long long u64;

// What linux/bpf.h says; written out so that no header need be installed.
struct sk_reuseport_md {
    u64 data, data_end;
    u32 len; // from the UDP header on
};
enum { SK_PASS = 1 };
static void *(*const map_lookup_elem)(const void *map, const void *key) = (void *)1;
static long (*const skb_load_bytes)(const void *ctx, u32 offset, void *to, u32 len) = (void *)26;
static long (*const sk_select_reuseport)(void *ctx, const void *map, void *key, u64 flags) = (void *)82;

// Maps are named by constants which the loader replaces by descriptors.
#define MAP(number)                                                            \
    ({                                                                         \
        void *map;                                                             \
        asm("%0 = %1 ll" : "=r"(map) : "i"(0x70696e696f6e0000ull + (number))); \
        map;                                                                   \
    })
#define SETTINGS MAP(0) // array of one `struct settings`
#define WINDOW MAP(1)   // per-CPU array of one `struct window`
#define SOCKETS MAP(2)  // sockets, by shard

enum {
    UDP_HEADER = 8,
    SEARCHED = 2048, // a line beginning further on is not found
    BLANKS = 8,      // on each side of the colon
    HASHED = 32,
    LOADED = SEARCHED + 64, // covers name, blanks and hashed bytes of the last line
    ROOM = 4096,            // a power of two, to mask indices by
};

struct settings {
    u32 shards;
    u32 basis, prime, mix; // of the hash
};

// One datagram at a time is looked at on a CPU. Were two to meet, or what an
// earlier one left behind `len` be read, the choice would be wrong, no worse.
struct window {
    u8 bytes[ROOM + 8];
    u32 len, found, any, unused;
};

#define HIDE(value) asm volatile("" : "+r"(value))
#define FRESH(place) (*(volatile u32 *)&(place))

// The same number, of which the verifier knows nothing.
static inline __attribute__((always_inline)) u32 forget(struct window *window, u32 number) {
    FRESH(window->any) = number;
    return FRESH(window->any);
}

static inline __attribute__((always_inline)) u64 masked(u64 index) {
    index &= ROOM - 1;
    HIDE(index);
    return index;
}

static inline __attribute__((always_inline)) u8 byte(const struct window *window, u64 index) {
    return window->bytes[masked(index)];
}

static inline __attribute__((always_inline)) u64 word(const struct window *window, u64 index) {
    return *(const u64 *)(window->bytes + masked(index));
}

static inline __attribute__((always_inline)) int is_blank(u8 byte) {
    return byte == ' ' || (byte >= '\t' && byte <= '\r');
}

// The high bit of each byte of `word` that is a line feed.
static inline __attribute__((always_inline)) u64 line_feeds(u64 word) {
    u64 low = 0x7f7f7f7f7f7f7f7full;
    u64 other = word ^ 0x0a0a0a0a0a0a0a0aull;
    return ~(((other & low) + low) | other | low);
}

// How far behind the start of the word the first of `feeds` ends. (The machine
// has no instruction for it: every byte up to that feed adds one.)
static inline __attribute__((always_inline)) u32 past_first(u64 feeds) {
    u64 below = ((feeds & -feeds) - 1) & 0x0101010101010101ull;
    return (below * 0x0101010101010101ull) >> 56;
}

// Where the name of a Call-ID line at `line` ends: 0 if the line is another,
// past the window at the end of the headers.
static inline __attribute__((always_inline)) u32 name_end(const struct window *window, u32 line) {
    u64 head = word(window, line);
    u8 first = head;
    if (first == '\r' || first == '\n')
        return ROOM;
    // Letters in lower case; OR would turn other bytes into the hyphen.
    int is_full = ((head | 0x20200020202020ull) & 0xffffffffffffffull) == 0x64692d6c6c6163ull; // "call-id"
    if (!is_full && (first | 0x20) != 'i')
        return 0;
    u8 next = is_full ? head >> 56 : head >> 8;
    if (next == ':' || is_blank(next))
        return line + (is_full ? 7 : 1);
    return 0;
}

// Past the blanks at `at`.
static inline __attribute__((always_inline)) u32 skip_blanks(struct window *window, u32 at) {
    for (int n = 0; n < BLANKS && is_blank(byte(window, at)); n++)
        at++;
    return forget(window, at);
}

__attribute__((section("sk_reuseport"), used)) int steer(struct sk_reuseport_md *ctx) {
    u32 zero = 0;
    struct settings *settings = map_lookup_elem(SETTINGS, &zero);
    struct window *window = map_lookup_elem(WINDOW, &zero);
    if (!settings || !window || ctx->len <= UDP_HEADER)
        return SK_PASS;
    u64 len = ctx->len - UDP_HEADER;
    if (len > LOADED)
        len = LOADED;
    HIDE(len);
    if (len < 1 || len > LOADED || skb_load_bytes(ctx, UDP_HEADER, window->bytes, len))
        return SK_PASS;

    window->len = len;
    window->found = 0;
    for (u32 at = 0; at < SEARCHED && at < FRESH(window->len); at += 8) {
        u64 feeds = line_feeds(*(u64 *)(window->bytes + at));
        // No line is shorter than a letter, a colon, CR and LF.
        for (int n = 0; n < 2 && feeds; n++) {
            u32 end = name_end(window, forget(window, at + past_first(feeds)));
            if (end) {
                window->found = end;
                goto found;
            }
            feeds &= feeds - 1;
        }
    }
found:;
    u32 colon = skip_blanks(window, FRESH(window->found));
    if (colon == 0 || colon >= FRESH(window->len) || byte(window, colon) != ':')
        return SK_PASS;
    u32 value = skip_blanks(window, colon + 1);
    u32 hash = settings->basis;
    for (u32 n = 0; n < HASHED && value + n < FRESH(window->len); n++) {
        u8 next = byte(window, value + n);
        if (next <= ' ')
            break;
        hash = (hash ^ next) * settings->prime;
    }
    hash ^= hash >> 16;
    hash *= settings->mix;
    hash ^= hash >> 13;
    u32 shard = hash % settings->shards;
    // No socket of that shard: nothing is chosen.
    sk_select_reuseport(ctx, SOCKETS, &shard, 0);
    return SK_PASS;
}
