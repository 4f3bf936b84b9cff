
/* --- Helpers, written by hand --- */

/* A string literal as an initializer: ph_str name = PH_STR("x"); */
#define PH_STR(literal) {(const uint8_t *)(literal), sizeof(literal) - 1}

/* The exported entry wants this in front of it: PH_EXPORT const ph_entry provisionhook_plugin_entry = {...}; */
#if defined(__cplusplus)
#define PH_EXPORT extern "C" __attribute__((visibility("default")))
#else
#define PH_EXPORT __attribute__((visibility("default")))
#endif

/* The frozen prefix of a ph_entry. */
#define PH_PREFIX(type) {PH_MAGIC, (uint32_t)sizeof(type), PH_ABI_MAJOR, PH_ABI_MINOR}

/* Puts the manifest, a JSON string literal, into the library's ELF note. Once, at file scope. */
#define PH_PLUGIN_MANIFEST(json)                                                                                       \
    PH_NOTE_TYPE_OF_(json)                                                                                             \
    ph_manifest_note __attribute__((used, section(".note.provisionhook"), aligned(4))) = PH_NOTE_OF_(json)

/* The same manifest as the `manifest` of the entry: the bytes of the note. */
#define PH_MANIFEST {(const uint8_t *)ph_manifest_note.manifest, sizeof(ph_manifest_note.manifest)}

#if defined(__cplusplus)
/* In C++ a string literal does not fit into an array without room for its NUL, so it is copied by the compiler. */
template <size_t N> struct ph_note_ {
    uint32_t name_size, descriptor_size, kind;
    char name[16];
    uint32_t format;
    uint16_t abi_major, abi_minor;
    char manifest[N - 1];
    constexpr explicit ph_note_(const char (&json)[N])
        : name_size(sizeof(PH_NOTE_NAME)), descriptor_size(8 + N - 1), kind(PH_NOTE_TYPE), name(PH_NOTE_NAME),
          format(PH_NOTE_FORMAT), abi_major(PH_ABI_MAJOR), abi_minor(PH_ABI_MINOR), manifest() {
        for (size_t at = 0; at + 1 < N; at++) manifest[at] = json[at];
    }
};
#define PH_NOTE_TYPE_OF_(json) static constexpr ph_note_<sizeof(json)>
#define PH_NOTE_OF_(json) ph_note_<sizeof(json)>(json)
#else
#define PH_NOTE_TYPE_OF_(json)                                                                                         \
    static const struct {                                                                                              \
        uint32_t name_size, descriptor_size, kind;                                                                     \
        char name[16];                                                                                                 \
        uint32_t format;                                                                                               \
        uint16_t abi_major, abi_minor;                                                                                 \
        char manifest[sizeof(json) - 1];                                                                               \
    }
#define PH_NOTE_OF_(json)                                                                                              \
    {                                                                                                                  \
        sizeof(PH_NOTE_NAME), 8 + sizeof(json) - 1, PH_NOTE_TYPE, PH_NOTE_NAME, PH_NOTE_FORMAT, PH_ABI_MAJOR,          \
            PH_ABI_MINOR, json                                                                                         \
    }
#endif
