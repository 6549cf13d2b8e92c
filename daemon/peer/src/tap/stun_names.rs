//! What STUN messages are called: event kinds, and words for a person.

use super::stun::{Class, method};

/// The event kind of a message: `stun.binding.request`, `turn.allocate.error`.
pub fn kind(method: u16, class: Class) -> &'static str {
    match method {
        method::BINDING => by_class(
            class,
            ["stun.binding.request", "stun.binding.indication", "stun.binding.success", "stun.binding.error"],
        ),
        method::ALLOCATE => by_class(
            class,
            [
                "turn.allocate.request",
                "turn.allocate.indication",
                "turn.allocate.success",
                "turn.allocate.error",
            ],
        ),
        method::REFRESH => by_class(
            class,
            ["turn.refresh.request", "turn.refresh.indication", "turn.refresh.success", "turn.refresh.error"],
        ),
        method::SEND => by_class(
            class,
            ["turn.send.request", "turn.send.indication", "turn.send.success", "turn.send.error"],
        ),
        method::DATA => by_class(
            class,
            ["turn.data.request", "turn.data.indication", "turn.data.success", "turn.data.error"],
        ),
        method::CREATE_PERMISSION => by_class(
            class,
            [
                "turn.create_permission.request",
                "turn.create_permission.indication",
                "turn.create_permission.success",
                "turn.create_permission.error",
            ],
        ),
        method::CHANNEL_BIND => by_class(
            class,
            [
                "turn.channel_bind.request",
                "turn.channel_bind.indication",
                "turn.channel_bind.success",
                "turn.channel_bind.error",
            ],
        ),
        _ => by_class(
            class,
            ["stun.other.request", "stun.other.indication", "stun.other.success", "stun.other.error"],
        ),
    }
}

fn by_class(class: Class, [request, indication, success, error]: [&'static str; 4]) -> &'static str {
    match class {
        Class::Request => request,
        Class::Indication => indication,
        Class::Success => success,
        Class::Error => error,
    }
}

/// The class in attributes, as the RFC has it.
pub fn class_word(class: Class) -> &'static str {
    by_class(class, ["request", "indication", "success response", "error response"])
}

/// The method in attributes, as the RFC has it; `None` for one that is not known.
pub fn method_word(method: u16) -> Option<&'static str> {
    Some(match method {
        method::BINDING => "Binding",
        method::ALLOCATE => "Allocate",
        method::REFRESH => "Refresh",
        method::SEND => "Send",
        method::DATA => "Data",
        method::CREATE_PERMISSION => "CreatePermission",
        method::CHANNEL_BIND => "ChannelBind",
        _ => return None,
    })
}

/// Whether only a TURN client or server says this: everything but Binding that RFC 8656 names.
pub fn is_turn(method: u16) -> bool {
    matches!(
        method,
        method::ALLOCATE
            | method::REFRESH
            | method::SEND
            | method::DATA
            | method::CREATE_PERMISSION
            | method::CHANNEL_BIND
    )
}
