//! Bodies meant to hurt: endless, huge, and compressed a thousandfold.

use std::sync::LazyLock;

use flate2::{Compress, Compression, Crc, FlushCompress};

use super::Page;

/// A block of rules and comments; an endless body is this, again and again.
pub(crate) static ENDLESS_BLOCK: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let mut block = String::new();
    let mut n = 0;
    while block.len() < 16 * 1024 {
        block.push_str(&format!(
            "# there is more\nUser-agent: bot{n}\nDisallow: /{n}/\n"
        ));
        n += 1;
    }
    block.into_bytes()
});

/// A valid file of two megabytes.
pub(crate) static HUGE: LazyLock<Page> = LazyLock::new(|| {
    let mut body = String::from("User-agent: *\n");
    let mut n = 0;
    while body.len() < 2_000_000 {
        body.push_str(&format!("Disallow: /catalogue/section/{n}/print\n"));
        n += 1;
    }
    Page::ok("Content-Type: text/plain\r\n", body.as_bytes())
});

/// The unfolded bomb is this many pieces of [`PIECE`] bytes: 32 MB.
const PIECES: usize = 32;
const PIECE: usize = 1 << 20;

/// A gzip bomb of directives.
///
/// Compressing 32 MB takes seconds in a debug build, so one piece is compressed behind a full
/// flush, which makes it independent of what came before it, and its bytes are repeated; the
/// checksums are combined in the same way.
pub(crate) static GZIP_BOMB: LazyLock<Page> = LazyLock::new(|| {
    // Rules outside of a group would be no rules (RFC 9309 §2.1).
    let lines = b"User-agent: *\nDisallow: /0/0/0\n";
    let mut piece = lines.repeat(PIECE / lines.len());
    // A whole number of lines, filled up with a comment.
    piece.resize(PIECE - 1, b'#');
    piece.push(b'\n');

    let mut crc_of_piece = Crc::new();
    crc_of_piece.update(&piece);
    let mut crc = Crc::new();
    let block = deflate(&piece, FlushCompress::Full);
    // The header of a gzip member: deflate, no flags, no time, unknown system.
    let mut gzip = b"\x1f\x8b\x08\0\0\0\0\0\0\xff".to_vec();
    for _ in 0..PIECES {
        gzip.extend_from_slice(&block);
        crc.combine(&crc_of_piece);
    }
    gzip.extend(deflate(b"", FlushCompress::Finish));
    gzip.extend(crc.sum().to_le_bytes());
    gzip.extend(((PIECES * PIECE) as u32).to_le_bytes());
    Page::ok(
        "Content-Type: text/plain\r\nContent-Encoding: gzip\r\n",
        &gzip,
    )
});

/// One run of raw deflate.
fn deflate(input: &[u8], flush: FlushCompress) -> Vec<u8> {
    let mut out = Vec::with_capacity(input.len() / 8 + 64);
    // With room for all of the output one call takes all of the input; memory cannot run short.
    let _ = Compress::new(Compression::best(), false).compress_vec(input, &mut out, flush);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    #[test]
    fn the_bomb_is_valid_gzip() {
        let body = GZIP_BOMB.body();
        assert!(body.len() < 300_000, "{} bytes", body.len());
        let mut decoder = flate2::read::GzDecoder::new(body);
        let mut chunk = vec![0; 1 << 16];
        let mut total = 0;
        loop {
            // The decoder checks length and checksum at the end.
            match decoder.read(&mut chunk).unwrap() {
                0 => break,
                n => total += n,
            }
        }
        assert_eq!(total, PIECES * PIECE);
    }
}
