// Included by the targets that read replies: a probe with a known key, and what must hold.

use std::sync::LazyLock;

use sortie_scanners::link::{LinkInfo, MacAddr, Path};
use sortie_scanners::probe::{CookieKey, Probe as _, SourcePorts};
use sortie_scanners::syn::{SynProbe, SynStyle};

static PROBE: LazyLock<SynProbe> = LazyLock::new(|| {
    let mut info = LinkInfo::new("fuzz", MacAddr::default());
    let next_hop = MacAddr::default();
    info.v4 = Some(Path {
        source: [192, 0, 2, 1].into(),
        next_hop,
    });
    info.v6 = Some(Path {
        source: "2001:db8::1".parse().unwrap(),
        next_hop,
    });
    let ports = SourcePorts::new(SourcePorts::DEFAULT, 2).unwrap();
    SynProbe::new(&info, SynStyle::Windows, &CookieKey::fixed([7; 16]), ports)
});

/// Nothing panics; what is believed is believed without checksums, too, and means the same.
fn check(frame: &[u8]) {
    let strict = PROBE.validate(frame, true);
    let lenient = PROBE.validate(frame, false);
    PROBE.filter().admits(frame);
    if let Ok(valid) = strict {
        assert_eq!(Ok(valid), lenient);
        PROBE.classify(&valid);
        PROBE.close(&valid, &mut [0; 128]);
    }
}
