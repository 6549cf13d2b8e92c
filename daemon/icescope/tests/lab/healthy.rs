//! Healthy sessions over different paths: no false alarm.
