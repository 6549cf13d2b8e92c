//! Media.

use super::{Cause, cause};

/// The causes, in the order of their names.
pub(super) const MEDIA: &[Cause] = &[
    cause!("G1", "No common video format", "Choose a source whose format the client offers: {message}"),
    cause!(
        "G2",
        "The stream is not what was promised",
        "Make the source's bit stream match its declared profile-level-id and format."
    ),
    cause!(
        "G3",
        "No key frame",
        "Let the source answer key frame requests, or shorten its key frame interval."
    ),
    cause!(
        "G4",
        "Media packets do not arrive",
        "Make media packets smaller (source MTU 1200) and look for a VPN with a small MTU on the path."
    ),
    cause!(
        "G6",
        "Playing by itself is refused",
        "Press play on the picture; a page that starts by itself has to mute it (muted, playsinline)."
    ),
    cause!(
        "G7",
        "The browser has no decoder",
        "Choose another codec for this browser (VP8), or turn hardware decoding off."
    ),
    cause!(
        "G9",
        "The client sends no picture",
        "Look whether the client's camera is free and shows a picture; try another camera or codec."
    ),
];
