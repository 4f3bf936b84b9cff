//! Variables that only make sense together.

use crate::setting::Setting;

/// Settings that are made, or left, together.
#[derive(Default)]
pub(crate) struct Group {
    pub(crate) settings: Vec<Setting>,
    /// If one of these is set already, the whole group is left alone: who brings an exporter's address brings its protocol, its
    /// certificates and above all its keys as well.
    pub(crate) yields_to: Vec<String>,
}

impl Group {
    /// A group of one, which yields to a value of its own.
    pub(crate) fn alone(setting: Setting) -> Self {
        Self {
            yields_to: vec![setting.name.clone()],
            settings: vec![setting],
        }
    }

    /// Whether it is the service's name.
    pub(crate) fn is_service_name(&self) -> bool {
        self.yields_to == ["OTEL_SERVICE_NAME"]
    }
}
