//! One connection: request after request, each answered as its host behaves.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::answer::{Answer, decide};
use super::request::parse;
use crate::pages;
use crate::plan::Plan;
use crate::world::World;

/// Room for the head of a request.
const BUFFER: usize = 4096;

pub(crate) async fn serve<S>(mut stream: S, secure: bool, world: &World) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut buffer = [0; BUFFER];
    let mut filled = 0;
    loop {
        let (answer, keep_alive, used) = match parse(&buffer[..filled]) {
            Ok(Some(request)) => {
                world.counters.requests.add_one();
                let plan = Plan::of(request.host, &world.mix);
                world.counters.saw(plan.behaviour);
                let answer = decide(&request, &plan, secure, world);
                (answer, request.keep_alive, request.len)
            }
            Ok(None) if filled == BUFFER => (Answer::Page(pages::status_page(431)), false, filled),
            Ok(None) => match stream.read(&mut buffer[filled..]).await? {
                0 => return Ok(()),
                n => {
                    filled += n;
                    continue;
                }
            },
            Err(_) => (Answer::Page(pages::status_page(400)), false, filled),
        };
        let keep_alive = keep_alive && !answer.ends_connection();
        give(&mut stream, answer, world).await?;
        if !keep_alive {
            // With TLS this says that the answer is whole.
            return stream.shutdown().await;
        }
        buffer.copy_within(used..filled, 0);
        filled -= used;
    }
}

async fn give<S: AsyncWrite + Unpin>(
    stream: &mut S,
    answer: Answer,
    world: &World,
) -> io::Result<()> {
    match answer {
        Answer::Page(page) => stream.write_all(page.answer()).await?,
        Answer::Made(bytes) | Answer::Last(bytes) => stream.write_all(&bytes).await?,
        Answer::Endless => {
            stream
                .write_all(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n")
                .await?;
            // Ends when the client has gone or the connection has reached its limit.
            loop {
                stream.write_all(&pages::ENDLESS_BLOCK).await?;
            }
        }
        Answer::Drip { at_once, rest } => {
            stream.write_all(at_once).await?;
            let mut ticks = tokio::time::interval(world.drip_interval);
            for &byte in rest.iter().cycle() {
                ticks.tick().await;
                stream.write_all(&[byte]).await?;
                stream.flush().await?;
            }
        }
        Answer::Nothing => return Ok(()),
    }
    stream.flush().await
}
