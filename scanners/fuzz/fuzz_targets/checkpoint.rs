//! A damaged checkpoint is refused, and one that is read is written as it was. A scan that goes on
//! from one ends, and says how many targets it had.
//!
//! The first byte says what the others are: the file itself; what a right checksum is put behind; or
//! changes to a checkpoint that a scan has left, and behind them who has answered.
#![no_main]

use std::hash::Hasher as _;
use std::ops::ControlFlow;
use std::sync::LazyLock;

use ipnet::IpNet;
use libfuzzer_sys::fuzz_target;
use siphasher::sip::SipHasher13;
use sortie_scanners::engine::{Checkpoint, Found, Observer, Progress};
use sortie_scanners::link::{LinkInfo, MacAddr, MemoryLink, MemoryNetwork, Path};
use sortie_scanners::scope::Scope;
use sortie_scanners::syn::{SynAnswer, SynHost, SynScan, SynState};
use sortie_scanners::target::TargetSet;

fuzz_target!(|input: &[u8]| {
    let Some((&what, rest)) = input.split_first() else {
        return;
    };
    let bytes = match what % 4 {
        0 => rest.to_vec(),
        1 => with_checksum(rest.to_vec()),
        _ => with_checksum(changed(rest)),
    };
    let Ok(checkpoint) = Checkpoint::from_bytes(&bytes) else {
        return;
    };
    let again = Checkpoint::from_bytes(&checkpoint.to_bytes());
    assert_eq!(again.as_ref(), Ok(&checkpoint));
    if let Ok(answered) = checkpoint.answered(256) {
        assert_eq!(answered.silent().count() as u64 + answered.count(), 256);
    }
    let scan = SCAN.clone().resume(checkpoint);
    if let Ok(report) = scan.run_by_turns(&link(), &mut |_: &Found<SynAnswer>| ()) {
        let found: u64 = report.classes.iter().map(|(_, count)| count).sum();
        assert_eq!((report.targets, found + report.silent), (256, 256));
    }
});

/// Numbers at which counting goes wrong.
const NUMBERS: [&str; 8] = [
    "0",
    "1",
    "255",
    "256",
    "257",
    "9223372036854775808",
    "18446744073709551615",
    "18446744073709551616",
];

/// The head of a real checkpoint with some bytes changed, or cut out, or some numbers changed, and
/// what follows it.
///
/// Of `input` the first byte is the number of changes, each then a position of two bytes and what
/// is to be there: 0 for nothing, 1 to 8 for one of [`NUMBERS`] in place of the one that is there;
/// the rest is who has answered.
fn changed(input: &[u8]) -> Vec<u8> {
    let mut head = HEAD.clone();
    let (count, mut rest) = input.split_first().map_or((0, input), |(n, r)| (n % 8, r));
    for _ in 0..count {
        let Some((&[high, low, byte], more)) = rest.split_first_chunk() else {
            break;
        };
        rest = more;
        let at = usize::from(u16::from_be_bytes([high, low])) % head.len();
        match byte {
            0 => drop(head.remove(at)),
            1..=8 => put_number(&mut head, at, NUMBERS[usize::from(byte) - 1]),
            0x80.. => head.insert(at, byte & 0x7f),
            _ => head[at] = byte,
        }
    }
    head.push(b'\n');
    head.extend(rest);
    head
}

/// Puts `number` in place of the digits around `at`, or there if there are none.
fn put_number(head: &mut Vec<u8>, at: usize, number: &str) {
    let other = |byte: &u8| !byte.is_ascii_digit();
    let before = head[..at].iter().rposition(other);
    let behind = head[at..].iter().position(other);
    let start = before.map_or(0, |before| before + 1);
    let end = behind.map_or(head.len(), |behind| at + behind);
    head.splice(start..end, number.bytes());
}

/// As the engine computes it.
fn with_checksum(mut bytes: Vec<u8>) -> Vec<u8> {
    let mut hasher = SipHasher13::new();
    hasher.write(&bytes);
    bytes.extend(hasher.finish().to_be_bytes());
    bytes
}

static SCAN: LazyLock<SynScan> = LazyLock::new(|| {
    let net = "198.18.0.0/24";
    let scope = Scope::builder().allow_net(net.parse::<IpNet>().unwrap());
    let targets = TargetSet::builder().addrs(net).ports("80");
    SynScan::new(targets.build(&scope.build().unwrap()).unwrap())
        .seed(1)
        .rate(100.0)
        .senders(2)
});

/// The head of a checkpoint of this scan, without the end of the line.
static HEAD: LazyLock<Vec<u8>> = LazyLock::new(|| {
    struct Keep(Option<Checkpoint>);
    impl Observer<SynAnswer> for Keep {
        fn found(&mut self, _: &Found<SynAnswer>) {}

        fn progress(&mut self, progress: &Progress) -> ControlFlow<()> {
            match progress.elapsed.as_secs() {
                0..2 => ControlFlow::Continue(()),
                _ => ControlFlow::Break(()),
            }
        }

        fn checkpoint(&mut self, checkpoint: &Checkpoint) {
            self.0 = Some(checkpoint.clone());
        }
    }
    let mut keep = Keep(None);
    let scan = SCAN.clone().with(|config| {
        config.checkpoint_every = Some(std::time::Duration::from_secs(1));
    });
    scan.run_by_turns(&link(), &mut keep).unwrap();
    let bytes = keep.0.unwrap().to_bytes();
    let end = bytes.iter().position(|&byte| byte == b'\n').unwrap();
    bytes[..end].to_vec()
});

/// A network where every fourth address listens.
fn link() -> MemoryLink {
    let mut info = LinkInfo::new("fuzz", MacAddr::default());
    info.v4 = Some(Path {
        source: [192, 0, 2, 1].into(),
        next_hop: MacAddr::default(),
    });
    let far = SynHost::new(|target| {
        let open = target.ip().to_string().ends_with('4');
        open.then_some(SynState::Open)
    });
    MemoryLink::new(info, MemoryNetwork::default(), far)
}
