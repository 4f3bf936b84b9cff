//! From `abi_stable`'s description of a type to a [`Model`]. To replace `abi_stable`, replace this file and the derives.
#![expect(
    unsafe_code,
    reason = "the layout of a plugin is reached through a pointer"
)]

use std::{collections::BTreeMap, ptr};

use abi_stable::type_layout::{TLData, TLField, TLFunction, TLPrimitive, TypeLayout};

use super::{
    compare::LayoutError,
    contract,
    model::{Field, Model, Struct},
};
use crate::{pointer::Sized32, wire::wire_size};

/// The series of `abi_stable` whose `TypeLayout` this is: 0.11. Another one may describe types in other words.
const FORMAT: u32 = 11;

/// What `rust_layout` of an entry points to.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct RustLayout {
    struct_size: u32,
    format: u32,
    root: *const TypeLayout,
}

// SAFETY: it is never changed, and leads only to statics.
unsafe impl Sync for RustLayout {}
// SAFETY: `repr(C)`, opens with `struct_size: u32`; the rest is an integer and a pointer.
unsafe impl Sized32 for RustLayout {}

pub(super) static EXPORTED: RustLayout = RustLayout {
    struct_size: wire_size::<RustLayout>(),
    format: FORMAT,
    root: ptr::from_ref(contract::root()),
};

/// # Errors
///
/// When the plugin describes its types in another way.
pub(super) fn of_plugin(layout: &RustLayout) -> Result<Model, LayoutError> {
    if layout.format != FORMAT {
        return Err(LayoutError::Format {
            expected: FORMAT,
            found: layout.format,
        });
    }
    // SAFETY: the entry's layout lives as long as the library, and the format says what it is.
    let root = unsafe { layout.root.as_ref() }.ok_or(LayoutError::NoRoot)?;
    Ok(model(root))
}

/// All structs that are reached from the fields of `root`; each is visited once.
pub(super) fn model(root: &'static TypeLayout) -> Model {
    let mut walk = Walk::default();
    for field in root
        .get_fields()
        .into_iter()
        .flat_map(|fields| fields.iter())
    {
        walk.enter(field.layout());
    }
    Model {
        structs: walk.found.into_values().flatten().collect(),
    }
}

#[derive(Default)]
struct Walk {
    /// `None` while the struct is being described: a struct may lead back to itself.
    found: BTreeMap<String, Option<Struct>>,
}

impl Walk {
    fn enter(&mut self, layout: &'static TypeLayout) {
        if let Some(pointee) = pointee(layout) {
            return self.enter(pointee);
        }
        let TLData::Struct { fields } = layout.data() else {
            return;
        };
        let name = layout.name().to_owned();
        if name == "c_void" || self.found.contains_key(&name) {
            return;
        }
        self.found.insert(name.clone(), None);
        let mut offset = 0_usize;
        let mut described = Vec::new();
        for field in fields.iter() {
            let layout = field.layout();
            offset = offset.next_multiple_of(layout.alignment());
            described.push(Field {
                name: field.name().to_owned(),
                offset,
                size: layout.size(),
                kind: self.field(field),
            });
            offset += layout.size();
        }
        let found = Struct {
            name: name.clone(),
            size: layout.size(),
            align: layout.alignment(),
            fields: described,
        };
        self.found.insert(name, Some(found));
    }

    /// The type of a field, after a visit to what it leads to.
    fn field(&mut self, field: TLField) -> String {
        match field.function_range().iter().next() {
            Some(function) => self.function(&function),
            None => self.kind(field.layout()),
        }
    }

    fn function(&mut self, function: &TLFunction) -> String {
        let parameters: Vec<String> = function
            .param_type_layouts
            .iter()
            .map(|layout| self.kind(layout()))
            .collect();
        let end = function
            .return_type_layout()
            .map_or_else(String::new, |layout| match self.kind(layout()).as_str() {
                "()" => String::new(),
                kind => format!(" -> {kind}"),
            });
        format!("fn({}){end}", parameters.join(", "))
    }

    fn kind(&mut self, layout: &'static TypeLayout) -> String {
        self.enter(layout);
        match (pointee(layout), layout.data()) {
            (Some(pointee), TLData::Primitive(TLPrimitive::ConstPtr)) => {
                format!("*const {}", self.kind(pointee))
            }
            (Some(pointee), _) => format!("*mut {}", self.kind(pointee)),
            (None, TLData::Primitive(TLPrimitive::Array)) => format!("[{} bytes]", layout.size()),
            (None, _) => layout.name().to_owned(),
        }
    }
}

/// What a raw pointer points to.
fn pointee(layout: &'static TypeLayout) -> Option<&'static TypeLayout> {
    let is_pointer = matches!(
        layout.data(),
        TLData::Primitive(TLPrimitive::ConstPtr | TLPrimitive::MutPtr)
    );
    layout
        .phantom_fields()
        .iter()
        .next()
        .filter(|_| is_pointer)
        .map(|field| field.layout())
}
