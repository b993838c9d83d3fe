//! The networks that a machine identity is registered to be used from.

use core::net::IpAddr;

use ipnet::IpNet;

#[derive(Debug, Clone)]
pub(crate) struct Networks {
    known: Vec<IpNet>,
    /// Every one of them could be read. If not, an address outside the others is not surely outside.
    is_whole: bool,
}

impl Networks {
    pub(crate) fn new(networks: &[String]) -> Self {
        let read = |text: &String| {
            text.parse::<IpNet>().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))
        };
        let known: Vec<IpNet> = networks.iter().filter_map(read).collect();
        Self { is_whole: known.len() == networks.len(), known }
    }

    /// Whether an address, as a log gives it, is inside; `None` if that cannot be told.
    pub(crate) fn contain(&self, ip: &str) -> Option<bool> {
        let ip: IpAddr = ip.parse().ok()?;
        // Logs of dual-stack listeners write IPv4 inside IPv6.
        let plain = ip.to_canonical();
        let inside = self.known.iter().any(|known| known.contains(&plain) || known.contains(&ip));
        (inside || self.is_whole).then_some(inside)
    }
}

#[cfg(test)]
mod tests {
    use super::Networks;

    #[test]
    fn an_address_is_inside_outside_or_cannot_be_told() {
        let whole = ["192.0.2.0/24", "2001:db8::/32", "198.51.100.7"];
        let broken = ["192.0.2.0/24", "the office"];
        for (networks, ip, expected) in [
            (&whole[..], "192.0.2.255", Some(true)),
            (&whole[..], "::ffff:192.0.2.1", Some(true)),
            (&whole[..], "198.51.100.7", Some(true)),
            (&whole[..], "198.51.100.8", Some(false)),
            (&whole[..], "2001:db8::1", Some(true)),
            (&whole[..], "2001:db9::1", Some(false)),
            (&whole[..], "cloudformation.amazonaws.com", None),
            (&whole[..], "", None),
            (&broken[..], "192.0.2.1", Some(true)),
            (&broken[..], "203.0.113.1", None),
            (&[], "192.0.2.1", Some(false)),
        ] {
            let networks: Vec<String> = networks.iter().map(ToString::to_string).collect();
            assert_eq!(Networks::new(&networks).contain(ip), expected, "{ip} in {networks:?}");
        }
    }
}
