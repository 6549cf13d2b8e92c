//! The operator's part of the pipeline.

use gstreamer as gst;
use gstreamer::prelude::*;
use icescope_plugin_sdk::Error;

use crate::config::Config;
use crate::packages::remedy;

/// What is put behind the operator's elements: so their description may end in caps or in an element whose output comes
/// later (decodebin), of which only the picture is wanted.
const END: &str = " ! capsfilter caps=video/x-raw";

/// Makes the operator's elements, with one open output.
///
/// # Errors
/// At `/pipeline`: a missing element with its package, GStreamer's own word on the syntax, or no output.
pub fn parse(description: &str) -> Result<gst::Element, Error> {
    let element = launch(&format!("{description}{END}")).map_err(|error| explain(description, error))?;
    // Parsing opens one output to the outside; a second one is still unlinked inside.
    let more = element
        .downcast_ref::<gst::Bin>()
        .is_some_and(|bin| bin.find_unlinked_pad(gst::PadDirection::Src).is_some());
    if more {
        return Err(Error::config(
            "/pipeline",
            format!("«{description}» has several open outputs; one is wanted"),
        ));
    }
    Ok(element)
}

fn launch(description: &str) -> Result<gst::Element, (gst::glib::Error, Vec<String>)> {
    let mut context = gst::ParseContext::new();
    gst::parse::bin_from_description_full(
        description,
        true,
        Some(&mut context),
        gst::ParseFlags::FATAL_ERRORS,
    )
    .map_err(|error| (error, context.missing_elements()))
}

fn explain(description: &str, (error, missing): (gst::glib::Error, Vec<String>)) -> Error {
    if error.matches(gst::ParseError::NoSuchElement) && !missing.is_empty() {
        let missing: Vec<_> = missing
            .iter()
            .map(|name| format!("GStreamer has no element «{name}»; {}", remedy(name)))
            .collect();
        return Error::config("/pipeline", missing.join(". "));
    }
    // Does it stand by itself? Then it is its end that does not fit.
    let text = match launch(description) {
        Err((error, _)) => format!("GStreamer does not understand «{description}»: {error}"),
        Ok(element) => match element.src_pads().first() {
            None => format!(
                "«{description}» has no open output: leave the last element's output unlinked (no sink); the plugin \
                 encodes and sends it"
            ),
            Some(pad) => {
                let says = pad.query_caps(None);
                let names: Vec<_> = says.iter().map(|structure| structure.name().as_str()).collect();
                format!("«{description}» makes {}; raw video is wanted", names.join(", "))
            }
        },
    };
    Error::config("/pipeline", text)
}

/// What the encoders get: the frame rate that is set, or the nearest below that the source has.
pub fn caps(config: &Config) -> gst::Caps {
    let signed = |number: u32| i32::try_from(number).unwrap_or(i32::MAX);
    let rate = gst::Fraction::new(signed(config.framerate.0), signed(config.framerate.1));
    let base = || {
        gst::Structure::builder("video/x-raw")
            .field("format", "I420")
            .field("width", signed(config.width))
            .field("height", signed(config.height))
    };
    let slowest = gst::Fraction::new(1, 10).min(rate);
    gst::Caps::builder_full()
        .structure(base().field("framerate", rate).build())
        .structure(base().field("framerate", gst::FractionRange::new(slowest, rate)).build())
        .build()
}

/// Whether the source says of itself that it makes just that, so that nothing has to be converted.
pub fn makes(bin: &gst::Element, wanted: &gst::Caps) -> bool {
    let Some(pad) = bin.src_pads().into_iter().next() else { return false };
    let says = pad.query_caps(None);
    // Caps that only name the kind come from an element that does not know yet.
    let knows = says.iter().all(|structure| structure.has_field("format"));
    knows && !says.is_any() && says.can_intersect(wanted)
}

/// Whether the pictures come at their own pace, as from a camera. To be asked when the pipeline is paused.
pub fn is_live(bin: &gst::Element) -> bool {
    let mut query = gst::query::Latency::new();
    bin.src_pads().iter().any(|pad| pad.query(&mut query)) && query.result().0
}

/// Brings any raw video to what is wanted. Frames are only left out, not doubled: doubling would hold each back by one.
///
/// # Errors
/// An element is missing.
pub fn converters() -> Result<[gst::Element; 3], Error> {
    let rate = crate::element("videorate")?;
    rate.set_property("drop-only", true);
    Ok([crate::element("videoconvert")?, crate::element("videoscale")?, rate])
}
