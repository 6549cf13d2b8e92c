//! A live viewer goes over to another source.

use std::sync::Arc;

use icescope_model::{Evidence, Lane, Observation, Scope};

use super::{Media, Session};
use crate::media::hub::Hub;
use crate::negotiate::same_format;

impl Session {
    /// Lets the viewer go over to the source's stream of the format that was negotiated, with its first key frame. Err says why
    /// it cannot, for a person.
    pub(crate) fn change_source(&self, hub: &Arc<Hub>, name: &str) -> Result<(), String> {
        let Media::Play { viewer, agreed, .. } = &self.media else { return Ok(()) };
        let formats = hub.sources().formats(name).map_err(|error| error.to_string())?;
        let index = same_format(&formats, agreed.codec, &agreed.offered)
            .ok_or_else(|| format!("the video source «{name}» does not offer {}", agreed.offered.name))?;
        let stream =
            hub.stream(name, index, &formats[index], agreed.codec).map_err(|error| error.to_string())?;
        let before = viewer.stream();
        if before.id == stream.id {
            return Ok(());
        }
        viewer.change(&stream);
        if !viewer.is_live() {
            before.leave(self.id);
        }
        stream.join(viewer);
        stream.ask_key_frame(viewer, "source change");
        let scope = Scope::Session(self.id);
        viewer.sink.send(
            Observation::new(scope, Evidence::Api, Lane::Peer, Lane::Peer, "media.source_changed")
                .summary(format!("the source changes from «{}» to «{name}»", before.source))
                .with("from", before.source.clone())
                .with("to", name),
        );
        Ok(())
    }
}
