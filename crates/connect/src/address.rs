//! Which addresses may be called for somebody: those of the Internet, none of the operator's own
//! networks. Asked of the very address that is connected to, so no name can lead elsewhere after.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::LazyLock;

use ipnet::IpNet;

/// Not globally reachable: IANA's special-purpose address registries (RFC 6890 and its updates),
/// and multicast.
const REFUSED: [(&str, &str); 28] = [
    ("0.0.0.0/8", "of this network"),
    ("10.0.0.0/8", "private"),
    ("100.64.0.0/10", "shared by a provider's customers"),
    ("127.0.0.0/8", "this machine"),
    ("169.254.0.0/16", "link-local"),
    ("172.16.0.0/12", "private"),
    ("192.0.0.0/24", "for protocols"),
    ("192.0.2.0/24", "for documentation"),
    ("192.88.99.0/24", "a relay"),
    ("192.168.0.0/16", "private"),
    ("198.18.0.0/15", "for benchmarks"),
    ("198.51.100.0/24", "for documentation"),
    ("203.0.113.0/24", "for documentation"),
    ("224.0.0.0/4", "multicast"),
    ("240.0.0.0/4", "reserved"),
    ("::/128", "unspecified"),
    ("::1/128", "this machine"),
    ("64:ff9b:1::/48", "private"),
    ("100::/64", "discarded"),
    ("2001::/23", "for protocols"),
    ("2001:db8::/32", "for documentation"),
    ("3fff::/20", "for documentation"),
    ("5f00::/16", "for segment routing"),
    ("fc00::/7", "private"),
    ("fe80::/10", "link-local"),
    ("fec0::/10", "private"),
    ("ff00::/8", "multicast"),
    // Deprecated IPv4-compatible addresses.
    ("::/96", "reserved"),
];

static NETWORKS: LazyLock<Vec<(IpNet, &'static str)>> = LazyLock::new(|| {
    let parse = |(network, is): &(&str, &'static str)| {
        (network.parse().expect("the table holds networks only"), *is)
    };
    REFUSED.iter().map(parse).collect()
});

/// Why an address is not called, in one word or a few; `None`: it may be.
pub fn refused(address: IpAddr) -> Option<&'static str> {
    let address = inner(address);
    NETWORKS.iter().find(|(network, _)| network.contains(&address)).map(|(_, is)| *is)
}

/// The IPv4 address that an IPv6 address stands for: mapped (RFC 4291, 2.5.5.2), translated
/// (RFC 6052, 2.1) or tunnelled (RFC 3056, 2).
fn inner(address: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = address else { return address };
    let of = |high: u16, low: u16| {
        let [a, b] = high.to_be_bytes();
        let [c, d] = low.to_be_bytes();
        IpAddr::V4(Ipv4Addr::new(a, b, c, d))
    };
    match v6.segments() {
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => of(high, low),
        [0x2002, high, low, ..] => of(high, low),
        _ => IpAddr::V6(Ipv6Addr::from(v6.octets())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_ours_or_nobodys_is_refused_in_every_notation() {
        for refuse in [
            "127.0.0.1",
            "0.0.0.0",
            "10.1.2.3",
            "172.31.255.255",
            "192.168.0.1",
            "169.254.169.254",
            "100.64.0.1",
            "255.255.255.255",
            "224.0.0.1",
            "198.18.0.1",
            "::",
            "::1",
            "fd00::1",
            "fe80::1",
            "ff02::1",
            "::ffff:127.0.0.1",
            "::ffff:a9fe:a9fe",
            "64:ff9b::10.0.0.1",
            "64:ff9b:1::1",
            "2002:7f00:1::",
            "2002:c0a8:1::1",
            "::127.0.0.1",
            "2001::1",
        ] {
            assert!(refused(refuse.parse().unwrap()).is_some(), "{refuse}");
        }
        for good in [
            "1.1.1.1",
            "8.8.8.8",
            "172.32.0.1",
            "2606:4700::1111",
            "::ffff:1.1.1.1",
            "64:ff9b::1.1.1.1",
        ] {
            assert_eq!(refused(good.parse().unwrap()), None, "{good}");
        }
    }
}
