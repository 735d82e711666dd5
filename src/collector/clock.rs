//! What time it is for a run: the server's, which is asked for once and renewed by each page.

use crate::collect::Collector;
use crate::harness::{Cursor, request};
use crate::step::Now;
use crate::summary::Error;

impl Collector {
    /// The server's clock counts: ours may be wrong, and a watermark in its future would skip events.
    pub(crate) async fn ask_time(&mut self) -> Result<(), Error> {
        let wall = self.desk.now().wall;
        let request = request(&self.settings, (wall, wall), 1, &Cursor::Index(0));
        self.fetch(request, 1, false).await?;
        let Now { wall, elapsed } = self.desk.now();
        let Some((time, _)) = self.clock else {
            self.clock = Some((wall, elapsed));
            let message =
                "expected a `Date` in the server's answer, but found none; the local clock is used";
            self.summary.warnings.push(message.to_owned());
            return Ok(());
        };
        let ahead = time - wall;
        if ahead.abs() > 60_000 {
            let ahead = ahead / 1000;
            let message = format!("expected the server's clock here, but found it {ahead} s ahead");
            self.summary.warnings.push(message);
        }
        Ok(())
    }

    pub(crate) fn server_now(&self) -> i64 {
        let Now { wall, elapsed } = self.desk.now();
        match self.clock {
            Some((time, at)) => time.saturating_add_unsigned(elapsed.saturating_sub(at)),
            None => wall,
        }
    }
}
