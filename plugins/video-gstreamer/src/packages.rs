//! Which Debian package has a GStreamer element.

/// Elements that a camera, a screen or a test is likely to want, by Debian package (bookworm and later).
const PACKAGES: &[(&str, &[&str])] = &[
    (
        "gstreamer1.0-plugins-base",
        &[
            "videotestsrc",
            "videoconvert",
            "videoscale",
            "videoconvertscale",
            "videorate",
            "decodebin",
            "uridecodebin",
            "playbin",
            "appsrc",
            "oggdemux",
            "theoradec",
            "compositor",
            "overlaycomposition",
            "rawvideoparse",
            "tcpclientsrc",
        ],
    ),
    (
        "gstreamer1.0-plugins-good",
        &[
            "vp8enc",
            "vp8dec",
            "v4l2src",
            "jpegdec",
            "pngdec",
            "rtspsrc",
            "udpsrc",
            "rtph264depay",
            "rtpvp8depay",
            "rtpjpegdepay",
            "rtpjitterbuffer",
            "matroskademux",
            "qtdemux",
            "avidemux",
            "souphttpsrc",
            "multifilesrc",
            "imagefreeze",
            "videocrop",
            "videoflip",
            "videobalance",
            "videobox",
            "gdkpixbufdec",
            "multipartdemux",
            "ximagesrc",
            "deinterlace",
        ],
    ),
    (
        "gstreamer1.0-plugins-bad",
        &[
            "openh264enc",
            "openh264dec",
            "h264parse",
            "h265parse",
            "jpegparse",
            "tsdemux",
            "hlsdemux",
            "srtsrc",
            "rtmp2src",
            "shmsrc",
            "vah264dec",
            "vapostproc",
        ],
    ),
    ("gstreamer1.0-plugins-ugly", &["x264enc", "mpeg2dec"]),
    ("gstreamer1.0-libav", &["avdec_h264", "avdec_h265", "avdec_mjpeg", "avdec_mpeg4"]),
    ("gstreamer1.0-x", &["textoverlay", "timeoverlay", "clockoverlay"]),
    ("gstreamer1.0-libcamera", &["libcamerasrc"]),
    ("gstreamer1.0-pipewire", &["pipewiresrc"]),
    ("gstreamer1.0-gl", &["gltestsrc", "glupload", "gldownload", "glcolorconvert"]),
    (
        "libgstreamer1.0-0",
        &["capsfilter", "tee", "clocksync", "fakesink", "identity", "queue", "filesrc", "fdsrc"],
    ),
];

/// The package of an element, if it is one that we know.
pub fn package_of(element: &str) -> Option<&'static str> {
    PACKAGES.iter().find(|(_, elements)| elements.contains(&element)).map(|(package, _)| *package)
}

/// What to do about a missing element.
pub fn remedy(element: &str) -> String {
    match package_of(element) {
        Some(package) => format!("Debian has it in the package {package}: apt-get install {package}"),
        None => format!(
            "Debian names the package with: apt-file search {element} (or https://packages.debian.org); \
             a misspelt name shows in: gst-inspect-1.0 {element}"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_elements_of_this_plugin_and_of_cameras_have_their_package() {
        assert_eq!(package_of("vp8enc"), Some("gstreamer1.0-plugins-good"));
        assert_eq!(package_of("x264enc"), Some("gstreamer1.0-plugins-ugly"));
        assert_eq!(package_of("openh264enc"), Some("gstreamer1.0-plugins-bad"));
        assert_eq!(package_of("videotestsrc"), Some("gstreamer1.0-plugins-base"));
        assert_eq!(package_of("v4l2src"), Some("gstreamer1.0-plugins-good"));
        assert_eq!(package_of("libcamerasrc"), Some("gstreamer1.0-libcamera"));
        assert!(remedy("nonsense").contains("apt-file search nonsense"));
    }
}
