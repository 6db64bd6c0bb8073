// Storage of activations in half precision, which the host puts in the place of the section of this name with
// --precision f16: memory holds pairs of halves, rounded to the nearest, arithmetic stays single. Matrices are rounded
// alike where AdamW hands them to the kernels, the master weights are not. Packing is part of WGSL itself, so that this runs on
// every adapter; the feature shader-f16 would add arithmetic in half, which has no use here.

// Storage -----------------------------------------------------------------------------------------------------------

/** Four neighbouring values of an activation, as memory holds them. */
alias Stored = vec2u;

fn loaded(value: Stored) -> vec4f { return vec4f(unpack2x16float(value.x), unpack2x16float(value.y)); }

fn firstTwo(value: Stored) -> vec2f { return unpack2x16float(value.x); }

fn stored(value: vec4f) -> Stored { return vec2u(pack2x16float(value.xy), pack2x16float(value.zw)); }

/** Whether a vector that must stay exact takes two places: `exactly` and `exactlyBehind`, `exact` of both. */
const HALF = true;

fn exactly(value: vec4f) -> Stored { return bitcast<vec2u>(value.xy); }

fn exactlyBehind(value: vec4f) -> Stored { return bitcast<vec2u>(value.zw); }

fn exact(value: Stored, behind: Stored) -> vec4f { return vec4f(bitcast<vec2f>(value), bitcast<vec2f>(behind)); }

/** In which the Epsilon model's assignments are stored: src/engine/gpu/storage.ts has it too. */
const ASSIGNMENT_UNIT = 32768.0;

// End of storage
