// The Epsilon model on whole sequences (spec §1–§2): embedding, recurrence (block, HQSA, FFN, halting), head and objective.
// A training step dispatches `forward`, which keeps what the way back needs, and `backward`; a prediction `forward` alone. Two
// pipelines of half the size compile in less time than one. A workgroup takes one sequence at a time; a thread owns tokens
// i, i + W, i + 2W, … of the active list, and in the sums over tokens it owns tiles of the result, so that every sum has a
// fixed order and no atomics are needed.
//
// Groups of four: a state of d features is D4 vectors, the heads of q, k, v lie side by side, each rounded up to HG
// vectors (P4 in all), assignments are A4 = H·BG vectors. What is beyond d, dh, B or F is zero.
// rows   [field + group][batch tokens]: fields `row…`; those from rowState to rowAttention are a step's record, one behind
//        the other where steps are kept (recordStride), else all in the same place. Records but rowMixed, and rowGradient
//        and rowNoisy, are a token's; everything else, which lasts for a step, has its place in the list, the `seat`, so
//        that a sum over the list's tokens reads side by side.
// packed weights `at…` as [output group][input][4 outputs]; `at…T` transposed; kept by adamw.wgsl. Every workgroup
//        makes the spectral norms and sharpnesses by itself, as `factors`.
// store  per sequence: its gradient slot (`slot…`, tiles [group][input][4]), the readout, for each step how many tokens were
//        active, had halted, and were of those in the frozen sums, [CLS]'s state behind each step, then bins `bins…`, each
//        BINS vectors.
// halt   p [L][tokens], r [tokens], then 8 results a sequence, its logits, the factors, and u₁ v₁ u₂ v₂.
// lists  active tokens [L or 2][tokens], halted tokens in the order of their halt, step counts.
// A head's bins are: 1/(mass + 1e-6) [BG], K/√dh [4·BG][HG], V [4·BG][HG]; their gradient likewise.

override W: u32 = 64;
override D: u32;
override H: u32;
override B: u32;
override F: u32;
override L: u32;
override C: u32;
override FREQUENCY: u32;
override EXIT: u32;
/** 1: every token takes all steps, nothing halts. */
override REPEAT: u32;
/** 1 where the packed weights fit into `constants`. */
override CONSTANT: u32 = 0;
override ALPHA: f32;
override D4 = (D + 3u) / 4u;
override HG = (D / H + 3u) / 4u;
override P4 = H * HG;
override BG = (B + 3u) / 4u;
override A4 = H * BG;
override F4 = (F + 3u) / 4u;
/** u₁ v₁ u₂ v₂. */
override DIRECTIONS = 2u * (F + D);
override HEAD_BINS = BG + 8u * BG * HG;
override BINS = H * HEAD_BINS;

override rowState: u32;
override rowMiddle: u32;
override rowMixed: u32;
override rowAssignment: u32;
override rowAttention: u32;
override rowX: u32;
override rowQuery: u32;
override rowKey: u32;
override rowValue: u32;
override rowLatent: u32;
override rowHidden: u32;
override rowGradient: u32;
override rowBranch2: u32;
override rowCentred2: u32;
override rowY: u32;
override rowDy: u32;
override rowDBefore: u32;
override rowBranch1: u32;
override rowCentred1: u32;
override rowDMixed: u32;
override rowDScore: u32;
override rowDropped: u32;
override rowDQuery: u32;
override rowDx: u32;
override rowDAssignment: u32;
override rowDLatent: u32;
override rowDKey: u32;
override rowDValue: u32;
override rowNoisy: u32;
override rowStream: u32;

override atPrior: u32;
override atGamma1: u32;
override atBeta1: u32;
override atGamma2: u32;
override atBeta2: u32;
override atQuery: u32;
override atQueryBias: u32;
override atKey: u32;
override atKeyBias: u32;
override atValue: u32;
override atValueBias: u32;
override atBin: u32;
override atPrototypes: u32;
override atOutput: u32;
override atOutputBias: u32;
override atFfn1: u32;
override atFfn1Bias: u32;
override atFfn2: u32;
override atFfn2Bias: u32;
override atHalting: u32;
override atHaltingBias: u32;
override atHead: u32;
override atHeadBias: u32;
override atQueryT: u32;
override atKeyT: u32;
override atValueT: u32;
override atBinT: u32;
override atOutputT: u32;
override atFfn1T: u32;
override atFfn2T: u32;
/** Places of the FFN's weights and of log τ in `parameters`. */
override atW1: u32;
override atW2: u32;
override atTau: u32;

override slotGamma1: u32;
override slotBeta1: u32;
override slotGamma2: u32;
override slotBeta2: u32;
override slotTau: u32;
override slotPrototypes: u32;
override slotBin: u32;
override slotQuery: u32;
override slotQueryBias: u32;
override slotKey: u32;
override slotKeyBias: u32;
override slotValue: u32;
override slotValueBias: u32;
override slotOutput: u32;
override slotOutputBias: u32;
override slotFfn1: u32;
override slotFfn1Bias: u32;
override slotFfn2: u32;
override slotFfn2Bias: u32;
override slotHalting: u32;
override slotHaltingBias: u32;
override slotHead: u32;
override slotHeadBias: u32;
override slotEnd: u32;
override storeReadout: u32;
override storeSteps: u32;
override storeStates: u32;
override binsFrozen: u32;
override binsTotal: u32;
override binsGradient: u32;
override binsSaved: u32;
override storeStride: u32;

const NONE = 0xffffffffu;
const LOWEST = -3.0e38;
const LOG_CLAMP = 1e-9;
const SITES = 5u;
const SITE_EMBEDDING = 0u;
const SITE_ATTENTION_WEIGHTS = 1u;
const SITE_ATTENTION_OUTPUT = 2u;
const SITE_FFN_HIDDEN = 3u;
const SITE_FFN_OUTPUT = 4u;
/** Counters of the noise, which no site reaches. */
const NOISE_COUNTERS = 0x8000u;

// Storage: with --precision f16 that of storage/half.wgsl stands here --------------------------------------------------

/** Four neighbouring values of an activation, as memory holds them. */
alias Stored = vec4f;

fn loaded(value: Stored) -> vec4f { return value; }

fn firstTwo(value: Stored) -> vec2f { return value.xy; }

fn stored(value: vec4f) -> Stored { return value; }

/** Whether a vector that must stay exact takes two places: `exactly` and `exactlyBehind`, `exact` of both. */
const HALF = false;

fn exactly(value: vec4f) -> Stored { return value; }

fn exactlyBehind(value: vec4f) -> Stored { return value; }

fn exact(value: Stored, behind: Stored) -> vec4f { return value; }

/** In which the Epsilon model's assignments are stored. */
const ASSIGNMENT_UNIT = 1.0;

// End of storage

struct Settings {
  tokens: u32,
  sequences: u32,
  /** 1: a sequence ends with its [CLS]. */
  early: u32,
  /** Of 65536; 0 switches dropout off. */
  dropThreshold: u32,
  dropScale: f32,
  taskWeight: f32,
  klWeight: f32,
  entropyWeight: f32,
  /** A token halts once at most this remains of it. */
  haltRemainder: f32,
  /** Gain of the noise on h⁰, and on the input of every later step. */
  embeddingGain: f32,
  stateGain: f32,
  /** Places in `batch`. */
  offsets: u32,
  labels: u32,
  keys: u32,
  order: u32,
  /** 1 in a training step: it begins with a power iteration. */
  iterate: u32,
  /** Groups from a step's record to the next one's; 0 where only the present one is kept. */
  recordStride: u32,
  /** Places in `halt`. */
  factors: u32,
  directions: u32,
  /** From here on bounds of loops, the same as the override constants of those names. */
  heads: u32,
  d4: u32,
  hg: u32,
  p4: u32,
  bg: u32,
  f4: u32,
  latent: u32,
  /** Most steps that run, and L. */
  steps: u32,
  layers: u32,
  classes: u32,
  /** Threads whose counts are summed together, and how many such runs there are. */
  scanRun: u32,
  @size(8) scanRuns: u32,
}

/**
 * Of these the first counts, and everything reads its copy: some compilers unroll every loop whose length they know, and then
 * take minutes; they look into uniforms for it, but not behind a place that they do not know.
 */
@group(0) @binding(0) var<uniform> arguments: array<Settings, 2>;
@group(0) @binding(1) var<storage, read> packed: array<vec4f>;
@group(0) @binding(2) var<storage, read> parameters: array<f32>;
@group(0) @binding(3) var<storage, read> batch: array<u32>;
@group(0) @binding(4) var<storage, read_write> rows: array<Stored>;
@group(0) @binding(5) var<storage, read_write> halt: array<f32>;
@group(0) @binding(6) var<storage, read_write> lists: array<u32>;
@group(0) @binding(7) var<storage, read_write> store: array<vec4f>;

/** The same buffer as `packed`, as far as a uniform binding reaches: a faster way to what all threads read alike. */
@group(0) @binding(8) var<uniform> constants: array<vec4f, 4096>;

/** Quantiles of the normal distribution [65536]; nothing where there is no noise. */
@group(0) @binding(9) var<storage, read> quantiles: array<f32>;

/** u₁ v₁ u₂ v₂ as they were before this step. */
@group(0) @binding(10) var<storage, read> buffers: array<f32>;

/** Encodings of the positions [positions][D4]. */
@group(0) @binding(11) var<storage, read> positions: array<vec4f>;

alias Summand = vec4f;
var<workgroup> sums: array<Summand, W>;
var<workgroup> readout: array<vec4f, D4>;
var<workgroup> dReadout: array<vec4f, D4>;
/** Active tokens, tokens that had halted, those of them that are in the frozen sums, 0 if the step does not run. */
var<workgroup> present: vec4u;
/** 1, 1/σ₁, 1/σ₂, then for each head 1/(τ + 1e-8) and what carries z·∂z to ∂log τ. */
var<workgroup> factors: array<f32, 3u + 2u * H>;
var<workgroup> clsWeights: array<f32, L>;
var<workgroup> dStep: array<f32, L>;

var<private> settings: Settings;
// The present sequence.
var<private> first: u32;
var<private> length: u32;
var<private> slot: u32;
var<private> key: vec2u;
var<private> tid: u32;
/** The place of the thread's token in its list. */
var<private> seat: u32;
/** Whether the thread has a token of its own: where threads read together, others accompany them. */
var<private> awake: bool;

// Shared: where a processor imitates an adapter without subgroups, that of shared/in_storage.wgsl stands here ------------

var<workgroup> bins: array<vec4f, BINS>;
var<workgroup> tallies: array<u32, 2u * W>;
var<workgroup> directions: array<f32, DIRECTIONS>;

// Before anything is shared.
fn enterGroup(group: u32) {}

fn bin(p: u32) -> vec4f { return bins[p]; }

fn setBin(p: u32, value: vec4f) { bins[p] = value; }

/** What each thread counts, then the sum of each run of threads. */
fn tally(i: u32) -> u32 { return tallies[i]; }

fn setTally(i: u32, value: u32) { tallies[i] = value; }

/** u₁ v₁ u₂ v₂ of this step. */
fn direction(i: u32) -> f32 { return directions[i]; }

fn setDirection(i: u32, value: f32) { directions[i] = value; }

// Behind it all threads find what any of them has set.
fn meet() { workgroupBarrier(); }

// The same, and `present`.
fn meetAtPresent() -> vec4u { return workgroupUniformLoad(&present); }

// End of shared

// Places ------------------------------------------------------------------------------------------------------------

fn place(field: u32, token: u32) -> u32 {
  return field * settings.tokens + first + token;
}

fn row(field: u32, token: u32) -> vec4f {
  return loaded(rows[place(field, token)]);
}

fn setRow(field: u32, token: u32, value: vec4f) {
  if (TOGETHER && !awake) { return; }
  rows[place(field, token)] = stored(value);
}

// What a row makes of a value.
fn asStored(value: vec4f) -> vec4f {
  return loaded(stored(value));
}

fn addRow(field: u32, token: u32, value: vec4f) {
  setRow(field, token, row(field, token) + value);
}

// What the residual stream is in half precision, group g of a token: its records are rounded, so on the way forward it stands
// exactly in `rowStream`, in two places a group.
fn stream(g: u32, token: u32) -> vec4f {
  let p = place(rowStream + 2u * g, token);
  return exact(rows[p], rows[p + settings.tokens]);
}

fn setStream(g: u32, token: u32, value: vec4f) {
  if (!HALF || (TOGETHER && !awake)) { return; }
  let p = place(rowStream + 2u * g, token);
  rows[p] = exactly(value);
  rows[p + settings.tokens] = exactlyBehind(value);
}

// A field of step t's record.
fn stepField(base: u32, t: u32) -> u32 {
  return base + t * settings.recordStride;
}

fn stateField(t: u32) -> u32 {
  return stepField(rowState, t);
}

fn listAt(t: u32) -> u32 {
  if (EXIT == 0u) { return first; }
  return select(t & 1u, t, settings.recordStride > 0u) * settings.tokens + first;
}

fn haltedAt() -> u32 {
  return select(2u, L, settings.recordStride > 0u) * settings.tokens + first;
}

fn stepsAt() -> u32 {
  return haltedAt() + settings.tokens;
}

fn probabilityAt(t: u32, token: u32) -> u32 {
  return t * settings.tokens + first + token;
}

fn resultAt(s: u32) -> u32 {
  return (L + 1u) * settings.tokens + 8u * s;
}

// Token k of a list: where none leaves, the list is all tokens in their order.
fn tokenAt(list: u32, k: u32) -> u32 {
  if (EXIT == 0u) { return k; }
  return lists[list + k];
}

// Token k of a list of `count`; without one a thread accompanies the last token's, and nothing that it finds counts.
fn ownToken(list: u32, k: u32, count: u32) -> u32 {
  awake = k < count;
  seat = min(k, count - 1u);
  return tokenAt(list, seat);
}

// Seats k … k+3 of `count`; beyond the last one that one.
fn fourSeats(k: u32, count: u32) -> vec4u {
  return min(vec4u(k) + vec4u(0u, 1u, 2u, 3u), vec4u(count - 1u));
}

fn fourTokens(list: u32, seats: vec4u) -> vec4u {
  return vec4u(tokenAt(list, seats.x), tokenAt(list, seats.y), tokenAt(list, seats.z), tokenAt(list, seats.w));
}

// A column a token, or seat.
fn four(field: u32, tokens: vec4u) -> mat4x4f {
  let p = vec4u(place(field, 0u)) + tokens;
  return mat4x4f(loaded(rows[p.x]), loaded(rows[p.y]), loaded(rows[p.z]), loaded(rows[p.w]));
}

fn weight(p: u32) -> vec4f {
  if (CONSTANT == 1u) { return constants[p]; }
  return packed[p];
}

// Together: where the threads of a subgroup are to read together, that of together/together.wgsl stands here -------------

/** Whether what all threads need alike is read once for a subgroup; none of its threads may then leave before the last. */
const TOGETHER = false;

/** Two 4 × 4 pieces of what all threads read alike. */
struct Pieces {
  a: mat4x4f,
  b: mat4x4f,
}

// Before anything else.
fn enter(thread: u32) {}

// Whether a thread that takes every W-th of `count` things, the next one k, goes on.
fn goesOn(k: u32, count: u32) -> bool { return k < count; }

// How many threads must have the same to read.
fn team() -> u32 { return 1u; }

// Which of the eight vectors of `ofEight` this thread has.
fn eighth() -> u32 { return 0u; }

// Eight vectors, one of each thread, as columns.
fn ofEight(own: vec4f) -> Pieces { return Pieces(); }

// End of together

/** How many groups of an input, or of an output, are made of one `pieces`. */
const STRIDE = select(1u, 2u, TOGETHER);

// Four vectors of the weights, `stride` apart, as the columns of a matrix.
fn piece(p: u32, stride: u32) -> mat4x4f {
  return mat4x4f(weight(p), weight(p + stride), weight(p + 2u * stride), weight(p + 3u * stride));
}

// Two of them, the second one `apart` from the first.
fn pieces(p: u32, stride: u32, apart: u32) -> Pieces {
  if (!TOGETHER) { return Pieces(piece(p, stride), piece(p + apart, stride)); }
  let i = eighth();
  return ofEight(weight(p + (i & 3u) * stride + (i >> 2u) * apart));
}

// Two feature groups, side by side, of four bins.
fn binPieces(p: u32) -> Pieces {
  if (!TOGETHER) { return Pieces(binPiece(p), binPiece(p + 1u)); }
  let i = eighth();
  return ofEight(bin(p + (i & 3u) * HG + (i >> 2u)));
}

fn binPiece(p: u32) -> mat4x4f {
  return mat4x4f(bin(p), bin(p + HG), bin(p + 2u * HG), bin(p + 3u * HG));
}

// Factors of the weights ----------------------------------------------------------------------------------------------

// Element o of W·v, W [· × inputs] at `w` in the parameters.
fn rowProduct(w: u32, v: u32, inputs: u32, o: u32) -> f32 {
  var sum = 0.0;
  for (var i = 0u; i < inputs; i++) { sum += parameters[w + o * inputs + i] * direction(v + i); }
  return sum;
}

fn normalize(at: u32, count: u32) {
  var squares = 0.0;
  for (var i = tid; i < count; i += W) { squares += direction(at + i) * direction(at + i); }
  // Below 1e-12 a direction stays as it is, as the published normalization leaves it.
  let inverse = 1.0 / max(sqrt(total(tid, vec4f(squares)).x), 1e-12);
  for (var i = tid; i < count; i += W) { setDirection(at + i, direction(at + i) * inverse); }
  meet();
}

// With `iterates` v ← Wᵀu/‖Wᵀu‖, then u ← Wv/‖Wv‖; returns 1/σ, σ = uᵀWv.
fn inverseNorm(iterates: bool, w: u32, u: u32, v: u32, outputs: u32, inputs: u32) -> f32 {
  if (iterates) {
    for (var i = tid; i < inputs; i += W) {
      var sum = 0.0;
      for (var o = 0u; o < outputs; o++) { sum += parameters[w + o * inputs + i] * direction(u + o); }
      setDirection(v + i, sum);
    }
    normalize(v, inputs);
    for (var o = tid; o < outputs; o += W) { setDirection(u + o, rowProduct(w, v, inputs, o)); }
    normalize(u, outputs);
  }
  var sigma = 0.0;
  for (var o = tid; o < outputs; o += W) { sigma += direction(u + o) * rowProduct(w, v, inputs, o); }
  return 1.0 / total(tid, vec4f(sigma)).x;
}

// Every workgroup makes the factors for itself; those of the first one are kept for the dispatches behind.
fn makeFactors(keep: bool, iterates: bool, layers: u32) {
  for (var i = tid; i < DIRECTIONS; i += W) { setDirection(i, buffers[i]); }
  meet();
  var at = 0u;
  for (var layer = 0u; layer < layers; layer++) {
    let outputs = select(F, D, layer == 1u);
    let inputs = select(D, F, layer == 1u);
    let inverse = inverseNorm(iterates, select(atW1, atW2, layer == 1u), at, at + outputs, outputs, inputs);
    if (tid == 0u) { factors[1u + layer] = inverse; }
    at += F + D;
  }
  for (var h = tid; h < H; h += W) {
    let tau = exp(parameters[atTau + h]);
    let sharpness = 1.0 / (max(tau, 1e-3) + 1e-8);
    factors[3u + 2u * h] = sharpness;
    factors[4u + 2u * h] = select(0.0, -sharpness * tau, tau >= 1e-3);
  }
  if (tid == 0u) { factors[0] = 1.0; }
  workgroupBarrier();
  if (!keep) { return; }
  for (var i = tid; i < 3u + 2u * H; i += W) { halt[settings.factors + i] = factors[i]; }
  for (var i = tid; i < DIRECTIONS; i += W) { halt[settings.directions + i] = direction(i); }
}

// Mathematics -------------------------------------------------------------------------------------------------------

// e^x, 2 ulp; below −87 as −87. The language allows exp() an error that grows with |x|.
fn exponential(x: vec4f) -> vec4f {
  let bounded = clamp(x, vec4f(-87.0), vec4f(88.0));
  let n = round(bounded * 1.4426950408889634);
  var r = bounded - n * 0.693359375;
  r = r + n * 2.12194440e-4;
  var p = 0.008312503807246685 * r + 0.04189033433794975;
  p = p * r + 0.16667115688323975;
  p = p * r + 0.499992311000824;
  p = p * r + 1.0;
  p = p * r + 1.0;
  return p * bitcast<vec4f>((vec4i(n) + 127) << vec4u(23u));
}

// (log(1 + m) − m + m²/2)/m³ for m from −0.3 to 0.42.
fn logTail(m: vec4f) -> vec4f {
  var p = 7.0376836292e-2 * m - 1.1514610310e-1;
  p = p * m + 1.1676998740e-1;
  p = p * m - 1.2420140846e-1;
  p = p * m + 1.4249322787e-1;
  p = p * m - 1.6668057665e-1;
  p = p * m + 2.0000714765e-1;
  p = p * m - 2.4999993993e-1;
  return p * m + 3.3333331174e-1;
}

// Natural logarithm of max(x, 1e-9).
fn clampedLog(x: vec4f) -> vec4f {
  let bits = bitcast<vec4i>(max(x, vec4f(LOG_CLAMP)));
  let exponent = (bits - 0x3f3504f3) >> vec4u(23u);
  let m = bitcast<vec4f>(bits - (exponent << vec4u(23u))) - 1.0;
  let e = vec4f(exponent);
  let square = m * m;
  let p = logTail(m) * m * square - e * 2.12194440e-4 - 0.5 * square;
  return m + p + e * 0.693359375;
}

// d/dx of x·clampedLog(x): below the clamp only the factor outside the logarithm counts.
fn entropySlope(x: vec4f) -> vec4f {
  return clampedLog(x) + select(vec4f(0.0), vec4f(1.0), x >= vec4f(LOG_CLAMP));
}

// Φ(−|x|), density = e^(−x²/2): Abramowitz and Stegun 7.1.26, absolute error 7.5e-8.
fn normalTail(x: vec4f, density: vec4f) -> vec4f {
  let t = 1.0 / (abs(x) * 0.2316418882 + 1.0);
  var p = 0.5307027145 * t - 0.7265760135;
  p = p * t + 0.7107068705;
  p = p * t - 0.142248368;
  p = p * t + 0.127414796;
  return p * t * density;
}

fn sumOf(v: vec4f) -> f32 {
  return (v.x + v.y) + (v.z + v.w);
}

// The same bits as src/model/random.ts.
fn pcg4d(counter: vec4u) -> vec4u {
  var v = counter * 1664525u + 1013904223u;
  v.x += v.y * v.w;
  v.y += v.z * v.x;
  v.z += v.x * v.y;
  v.w += v.y * v.z;
  v = v ^ (v >> vec4u(16u));
  v.x += v.y * v.w;
  v.y += v.z * v.x;
  v.z += v.x * v.y;
  v.w += v.y * v.z;
  return v;
}

// Dropout factors of rows r … r+3, r a multiple of four (src/model/dropout.ts).
fn kept(r: u32, site: u32, token: u32, t: u32) -> vec4f {
  if (settings.dropThreshold == 0u) { return vec4f(1.0); }
  let words = pcg4d(vec4u(key, token, ((t * SITES + site) << 16u) + (r >> 3u)));
  let pair = select(words.xy, words.zw, (r & 4u) != 0u);
  let bits = vec4u(pair.x & 0xffffu, pair.x >> 16u, pair.y & 0xffffu, pair.y >> 16u);
  return select(vec4f(settings.dropScale), vec4f(0.0), bits < vec4u(settings.dropThreshold));
}

// The same for the attention weights of four bins, whose rows begin anywhere.
fn keptBins(h: u32, g: u32, token: u32, t: u32) -> vec4f {
  let r = h * B + 4u * g;
  let factors = kept(r & 0xfffffffcu, SITE_ATTENTION_WEIGHTS, token, t);
  let shift = r & 3u;
  if (B % 4u == 0u || shift == 0u) { return factors; }
  let next = kept((r & 0xfffffffcu) + 4u, SITE_ATTENTION_WEIGHTS, token, t);
  if (shift == 1u) { return vec4f(factors.yzw, next.x); }
  if (shift == 2u) { return vec4f(factors.zw, next.xy); }
  return vec4f(factors.w, next.xyz);
}

// Noise (stability spec §1): the input of step t is h + g·rms(h)·ε, in `rowNoisy` while the step is computed -----------

fn gainAt(t: u32) -> f32 {
  return select(settings.stateGain, settings.embeddingGain, t == 0u);
}

// Where an active token's input of step t lies.
fn inputField(t: u32) -> u32 {
  return select(stateField(t), rowNoisy, gainAt(t) > 0.0);
}

// ε of features r … r+3, r a multiple of four (src/model/noise.ts); 0 beyond the state.
fn noiseAt(r: u32, token: u32, t: u32) -> vec4f {
  let words = pcg4d(vec4u(key, token, ((NOISE_COUNTERS + t) << 16u) + (r >> 3u)));
  let pair = select(words.xy, words.zw, (r & 4u) != 0u);
  let drawn = vec4f(
    quantiles[pair.x & 0xffffu],
    quantiles[pair.x >> 16u],
    quantiles[pair.y & 0xffffu],
    quantiles[pair.y >> 16u],
  );
  return select(vec4f(0.0), drawn, vec4u(r) + vec4u(0u, 1u, 2u, 3u) < vec4u(D));
}

fn meanSquare(field: u32, token: u32) -> f32 {
  var square = 0.0;
  for (var g = 0u; g < settings.d4; g++) { square += dot(row(field + g, token), row(field + g, token)); }
  return square / f32(D);
}

// Makes the input of step t; returns (g·rms)².
fn addNoise(t: u32, token: u32, ahead: bool) -> f32 {
  let gain = gainAt(t);
  if (!(gain > 0.0)) { return 0.0; }
  let deviation = gain * sqrt(meanSquare(stateField(t), token));
  for (var g = 0u; g < settings.d4; g++) {
    let noise = deviation * noiseAt(4u * g, token, t);
    setRow(rowNoisy + g, token, row(stateField(t) + g, token) + noise);
    if (HALF && ahead) { setStream(g, token, stream(g, token) + noise); }
  }
  return deviation * deviation;
}

// From the gradient of step t's input to that of the state before its noise: grows by g·(dx·ε)·x / (d·rms(x)).
fn noiseBackward(t: u32, token: u32) {
  let gain = gainAt(t);
  if (!(gain > 0.0)) { return; }
  let square = meanSquare(stateField(t), token);
  var slope = 0.0;
  for (var g = 0u; g < settings.d4; g++) { slope += dot(row(rowGradient + g, token), noiseAt(4u * g, token, t)); }
  slope *= gain / (f32(D) * sqrt(max(square, 1e-30)));
  for (var g = 0u; g < settings.d4; g++) {
    addRow(rowGradient + g, token, slope * row(stateField(t) + g, token));
  }
}

// Held rows: what only its own token's thread reads stays in registers as far as four groups reach, column g of a matrix;
// the groups beyond lie in `rows`, in the places that the row would have there.

/** A row of `groups` groups from `field` on; `count` is the same number where no compiler can see it. */
struct Row {
  field: u32,
  groups: u32,
  count: u32,
}

fn stateRow(field: u32) -> Row { return Row(field, D4, settings.d4); }

fn headRow(field: u32, h: u32) -> Row { return Row(field + h * HG, HG, settings.hg); }

fn headsRow(field: u32) -> Row { return Row(field, P4, settings.p4); }

fn binsRow(field: u32, h: u32) -> Row { return Row(field + h * BG, BG, settings.bg); }

fn hiddenRow(field: u32) -> Row { return Row(field, F4, settings.f4); }

fn latentRow(field: u32, h: u32) -> Row { return Row(field + 2u * h, 2u, settings.latent); }

// How many of `groups` pieces of a matrix are taken one after the other. Where a piece is little code, up to four need no
// loop: then the compiler sees their number.
fn countOf(groups: u32, unseen: u32) -> u32 {
  return select(unseen, groups, TOGETHER && groups <= 4u);
}

fn column(own: mat4x4f, groups: u32, g: u32) -> vec4f {
  let low = select(own[0], own[1], g == 1u && groups > 1u);
  return select(low, select(own[2], own[3], g == 3u && groups > 3u), g > 1u && groups > 2u);
}

fn setColumn(own: ptr<function, mat4x4f>, groups: u32, g: u32, value: vec4f) {
  (*own)[0] = select((*own)[0], value, g == 0u);
  (*own)[1] = select((*own)[1], value, g == 1u && groups > 1u);
  (*own)[2] = select((*own)[2], value, g == 2u && groups > 2u);
  (*own)[3] = select((*own)[3], value, g == 3u && groups > 3u);
}

fn held(own: mat4x4f, at: Row, g: u32, token: u32) -> vec4f {
  if (at.groups > 4u && g > 3u) { return row(at.field + g, token); }
  return column(own, at.groups, g);
}

fn hold(own: ptr<function, mat4x4f>, at: Row, g: u32, token: u32, value: vec4f) {
  if (at.groups > 4u && g > 3u) {
    setRow(at.field + g, token, value);
  } else {
    setColumn(own, at.groups, g, value);
  }
}

// The same, and all of it in `rows`, where sums over tokens find it.
fn keep(own: ptr<function, mat4x4f>, at: Row, g: u32, token: u32, value: vec4f) {
  setRow(at.field + g, token, value);
  setColumn(own, at.groups, g, value);
}

// What of it stays in registers.
fn load(at: Row, token: u32) -> mat4x4f {
  var own = mat4x4f();
  for (var g = 0u; g < min(at.count, 4u); g++) { setColumn(&own, at.groups, g, row(at.field + g, token)); }
  return own;
}

// What is in registers goes to its place in `rows` too.
fn keepAll(own: mat4x4f, at: Row, token: u32) {
  for (var g = 0u; g < min(at.count, 4u); g++) { setRow(at.field + g, token, column(own, at.groups, g)); }
}

// A row that grows from zero.
fn zeros(at: Row, token: u32) -> mat4x4f {
  if (at.groups > 4u) {
    for (var g = 4u; g < at.count; g++) { setRow(at.field + g, token, vec4f(0.0)); }
  }
  return mat4x4f();
}

fn grow(own: ptr<function, mat4x4f>, at: Row, g: u32, token: u32, value: vec4f) {
  hold(own, at, g, token, held(*own, at, g, token) + value);
}

// What input groups in `rows`, from k = `start` on, add to the output groups g … g+3 of a linear layer of `outputs` groups: a
// row is read once for all four.
fn rowsProduct(layer: u32, g: u32, outputs: u32, inputs: Row, start: u32, token: u32) -> mat4x4f {
  // Beyond the last output group that one.
  let apart = min(vec4u(0u, 1u, 2u, 3u), vec4u(outputs - 1u - g)) * 4u * inputs.groups;
  var sums = mat4x4f();
  for (var k = start; k < inputs.count; k++) {
    let x = row(inputs.field + k, token);
    let p = layer + 4u * (g * inputs.groups + k);
    let low = pieces(p, 1u, apart.y);
    let high = pieces(p + apart.z, 1u, apart.w - apart.z);
    sums += mat4x4f(low.a * x, low.b * x, high.a * x, high.b * x);
  }
  return sums;
}

// Output group g of the `outputs` of a linear layer, taken in their order. `further` keeps what input groups beyond the
// registers add to this and the next ones.
fn product(further: ptr<function, mat4x4f>, layer: u32, g: u32, outputs: u32, own: mat4x4f, at: Row, token: u32) -> vec4f {
  var sum = vec4f(0.0);
  if (at.groups > 4u) {
    if ((g & 3u) == 0u) { *further = rowsProduct(layer, g, outputs, at, 4u, token); }
    sum = column(*further, 4u, g & 3u);
  }
  let weights = layer + 4u * g * at.groups;
  let count = countOf(at.groups, min(at.count, 4u));
  for (var k = 0u; k < count; k += STRIDE) {
    let both = pieces(weights + 4u * k, 1u, 4u);
    sum += both.a * column(own, at.groups, k);
    if (TOGETHER && k + 1u < count) { sum += both.b * column(own, at.groups, k + 1u); }
  }
  return sum;
}

// What one input group x adds to the first four output groups of a linear layer: its `weights` [4], those of the next
// output group `stride` further.
fn spread(own: ptr<function, mat4x4f>, at: Row, weights: u32, stride: u32, x: vec4f) {
  let groups = min(at.groups, 4u);
  let count = countOf(at.groups, min(at.count, 4u));
  for (var g = 0u; g < count; g += STRIDE) {
    let both = pieces(weights + g * stride, 1u, stride);
    setColumn(own, groups, g, column(*own, groups, g) + both.a * x);
    if (TOGETHER && g + 1u < count) { setColumn(own, groups, g + 1u, column(*own, groups, g + 1u) + both.b * x); }
  }
}

// What all input groups add to the others, when `inputs` are in `rows`, at the seat.
fn spreadFurther(at: Row, layer: u32, inputs: Row, token: u32) {
  if (at.groups <= 4u) { return; }
  for (var g = 4u; g < at.count; g += 4u) {
    let sums = rowsProduct(layer, g, at.count, inputs, 0u, seat);
    for (var c = 0u; c < min(4u, at.count - g); c++) { addRow(at.field + g + c, token, column(sums, 4u, c)); }
  }
}

// Products of a head's vector, groups from `start` on, with four bins, whose first vector is `p`.
fn binProduct(p: u32, own: mat4x4f, at: Row, start: u32, token: u32) -> vec4f {
  let count = countOf(HG, settings.hg);
  var sum = vec4f(0.0);
  for (var j = 0u; j < count; j += STRIDE) {
    let both = binPieces(p + j);
    sum += held(own, at, start + j, token) * both.a;
    if (TOGETHER && j + 1u < count) { sum += held(own, at, start + j + 1u, token) * both.b; }
  }
  return sum;
}

// What four bins, each with its weight of w, add to a head's vector.
fn binSpread(own: ptr<function, mat4x4f>, at: Row, p: u32, w: vec4f, token: u32) {
  let count = countOf(HG, settings.hg);
  for (var j = 0u; j < count; j += STRIDE) {
    let both = binPieces(p + j);
    grow(own, at, j, token, both.a * w);
    if (TOGETHER && j + 1u < count) { grow(own, at, j + 1u, token, both.b * w); }
  }
}

// CenterNorm of a state; with `centred`, unless it is NONE, both it before γ and β and the result lie in `rows` as well.
fn centerNorm(own: mat4x4f, at: Row, result: Row, centred: u32, gamma: u32, beta: u32, token: u32) -> mat4x4f {
  let count = countOf(at.groups, at.count);
  var sum = 0.0;
  for (var g = 0u; g < count; g++) { sum += sumOf(held(own, at, g, token)); }
  let mean = sum / f32(D);
  let scale = sqrt(f32(D) / f32(D - 1u));
  var out = mat4x4f();
  for (var g = 0u; g < select(at.count, count, centred == NONE); g++) {
    let value = (held(own, at, g, token) - mean) * scale;
    let normed = weight(gamma + g) * value + weight(beta + g);
    if (centred == NONE) {
      hold(&out, result, g, seat, normed);
    } else {
      setRow(centred + g, seat, value);
      keep(&out, result, g, seat, normed);
    }
  }
  return out;
}

// The state's gradient grows by that of CenterNorm's input, from `slope`, its output's.
fn centerNormBackward(gradient: ptr<function, mat4x4f>, own: mat4x4f, slope: Row, gamma: u32, token: u32) {
  let count = countOf(slope.groups, slope.count);
  var sum = 0.0;
  for (var g = 0u; g < count; g++) { sum += sumOf(weight(gamma + g) * held(own, slope, g, seat)); }
  let mean = sum / f32(D);
  let scale = sqrt(f32(D) / f32(D - 1u));
  let at = stateRow(rowGradient);
  for (var g = 0u; g < count; g++) {
    grow(gradient, at, g, token, scale * (weight(gamma + g) * held(own, slope, g, seat) - mean));
  }
}

// Group g of a head's scores, which become a softmax in `field`. They are kept exactly: in half precision those beyond the
// registers where the hidden layer will stand, at the seat, in two places.
fn scorePlace(field: u32, g: u32, token: u32) -> u32 {
  return place(select(field + g, rowHidden + 2u * g, HALF), select(token, seat, HALF));
}

fn setScore(own: ptr<function, mat4x4f>, field: u32, g: u32, token: u32, value: vec4f) {
  if (BG > 4u && g > 3u) {
    if (TOGETHER && !awake) { return; }
    let p = scorePlace(field, g, token);
    rows[p] = exactly(value);
    if (HALF) { rows[p + settings.tokens] = exactlyBehind(value); }
  } else {
    setColumn(own, BG, g, value);
  }
}

fn score(own: mat4x4f, field: u32, g: u32, token: u32) -> vec4f {
  if (BG > 4u && g > 3u) {
    let p = scorePlace(field, g, token);
    if (HALF) { return exact(rows[p], rows[p + settings.tokens]); }
    return loaded(rows[p]);
  }
  return column(own, BG, g);
}

// Replaces the scores of one head's bins by their softmax times `unit`; `largest` is the largest score.
fn softmax(own: ptr<function, mat4x4f>, field: u32, largest: f32, unit: f32, token: u32) {
  let at = Row(field, BG, settings.bg);
  var sum = 0.0;
  for (var g = 0u; g < at.count; g++) {
    // Rows beyond B hold a score that no sum can see.
    let e = exponential(score(*own, field, g, token) - largest) * withinBins(g);
    hold(own, at, g, token, unit * e);
    sum += sumOf(e);
  }
  let inverse = 1.0 / sum;
  for (var g = 0u; g < at.count; g++) { keep(own, at, g, token, held(*own, at, g, token) * inverse); }
}

fn withinBins(g: u32) -> vec4f {
  return select(vec4f(0.0), vec4f(1.0), vec4u(4u * g) + vec4u(0u, 1u, 2u, 3u) < vec4u(B));
}

fn largestOf(v: vec4f, g: u32) -> f32 {
  let bounded = select(vec4f(LOWEST), v, withinBins(g) > vec4f(0.0));
  return max(max(bounded.x, bounded.y), max(bounded.z, bounded.w));
}

// Slopes of a softmax's scores, in `rows` at the seat, add up to nothing: what a softmax does not see is what all scores
// share. What rounding made of their sum is taken back from those that are fine enough, or it would show where bins are
// alike. `own` are the softmax's outputs.
fn balance(slopes: Row, own: mat4x4f, outputs: Row, token: u32) {
  var sum = 0.0;
  for (var g = 0u; g < slopes.count; g++) { sum += sumOf(row(slopes.field + g, seat)); }
  for (var g = 0u; g < slopes.count; g++) {
    var balanced = row(slopes.field + g, seat);
    let shares = held(own, outputs, g, token);
    for (var c = 0u; c < 4u; c++) {
      if (!(shares[c] > 0.0)) { continue; }
      let rounded = asStored(vec4f(balanced[c] - sum)).x;
      sum += rounded - balanced[c];
      balanced[c] = rounded;
    }
    setRow(slopes.field + g, seat, balanced);
  }
}

// Sum: where the adapter has subgroups, that of sum/subgroups.wgsl stands here -------------------------------------------

// Σ over the workgroup in a fixed tree; every thread gets it.
fn total(tid: u32, value: Summand) -> Summand {
  workgroupBarrier();
  sums[tid] = value;
  workgroupBarrier();
  for (var width = W / 2u; width > 0u; width /= 2u) {
    if (tid < width) { sums[tid] += sums[tid + width]; }
    workgroupBarrier();
  }
  return sums[0];
}

// End of sum

// What a tile sums over tokens: an outer product, a row, an elementwise or a scalar product.
const OUTER = 0u;
const SUM = 1u;
const ELEMENTS = 2u;
const DOT = 3u;

// A tile of a sum over tokens: of rows `a` and `b`, whose `columns` vectors go `into` places `stride` apart. `repeats` sums
// over as many heads, whose rows are `stepA` and `stepB` groups apart.
struct Tile {
  kind: u32,
  a: u32,
  b: u32,
  into: u32,
  stride: u32,
  columns: u32,
  repeats: u32,
  stepA: u32,
  stepB: u32,
}

fn outer(a: u32, b: u32, into: u32, stride: u32) -> Tile {
  return Tile(OUTER, a, b, into, stride, 4u, 1u, 0u, 0u);
}

fn reduction(kind: u32, a: u32, b: u32, into: u32) -> Tile {
  return Tile(kind, a, b, into, 0u, 1u, 1u, 0u, 0u);
}

// Column c of the result is Σ over `count` seats from `start` on of a · b[c] (OUTER); the others use column 0. With a `list`,
// unless it is NONE, b, or else a, is a token's.
fn tile(part: Tile, list: u32, start: u32, count: u32) -> mat4x4f {
  var m = mat4x4f();
  let none = vec4f(0.0);
  for (var repeat = 0u; repeat < part.repeats; repeat++) {
    for (var k = 0u; k < count; k += 4u) {
      let within = fourSeats(k, count);
      let seats = start + within;
      var tokens = seats;
      if (list != NONE) { tokens = fourTokens(list, within); }
      var a = four(part.a + repeat * part.stepA, select(seats, tokens, part.kind == SUM));
      a[1] = select(none, a[1], k + 1u < count);
      a[2] = select(none, a[2], k + 2u < count);
      a[3] = select(none, a[3], k + 3u < count);
      if (part.kind == SUM) {
        m[0] += (a[0] + a[1]) + (a[2] + a[3]);
        continue;
      }
      m += a * transpose(four(part.b + repeat * part.stepB, tokens));
    }
  }
  if (part.kind > SUM) {
    let diagonal = vec4f(m[0].x, m[1].y, m[2].z, m[3].w);
    m[0] = select(diagonal, vec4f(sumOf(diagonal), 0.0, 0.0, 0.0), part.kind == DOT);
  }
  return m;
}

// The slot grows by a tile.
fn addTile(part: Tile, count: u32) {
  let m = tile(part, NONE, 0u, count);
  for (var c = 0u; c < part.columns; c++) { store[slot + part.into + c * part.stride] += m[c]; }
}

// Embedding (spec §1) -----------------------------------------------------------------------------------------------

fn embed(token: u32) {
  let source = batch[first + token] * D;
  let scale = sqrt(f32(D));
  for (var g = 0u; g < settings.d4; g++) {
    var e = vec4f(0.0);
    for (var c = 0u; c < min(4u, D - 4u * g); c++) { e[c] = parameters[source + 4u * g + c]; }
    let h = kept(4u * g, SITE_EMBEDDING, token, 0u) * (e * scale + positions[token * D4 + g]);
    setRow(rowState + g, token, h);
    setStream(g, token, h);
  }
}

fn embedBackward(token: u32) {
  let scale = sqrt(f32(D));
  for (var g = 0u; g < settings.d4; g++) {
    setRow(rowGradient + g, token, row(rowGradient + g, token) * scale * kept(4u * g, SITE_EMBEDDING, token, 0u));
  }
}

// Bins (spec §1, HQSA) ----------------------------------------------------------------------------------------------

// k, v and z of a head from x; k and v as they are stored, since their slopes are those of differences from the bins' means.
fn keysAndLatents(h: u32, x: mat4x4f, keys: ptr<function, mat4x4f>, values: ptr<function, mat4x4f>) -> mat4x4f {
  let at = stateRow(rowX);
  let keyRow = headRow(rowKey, h);
  let valueRow = headRow(rowValue, h);
  let latents = latentRow(rowLatent, h);
  let layer = 4u * h * HG * D4;
  var z = mat4x4f();
  var furtherKeys = mat4x4f();
  var furtherValues = mat4x4f();
  for (var j = 0u; j < keyRow.count; j++) {
    let g = h * HG + j;
    let k = asStored(weight(atKeyBias + g) + product(&furtherKeys, atKey + layer, j, HG, x, at, seat));
    let v = asStored(weight(atValueBias + g) + product(&furtherValues, atValue + layer, j, HG, x, at, seat));
    hold(keys, keyRow, j, seat, k);
    hold(values, valueRow, j, seat, v);
    spread(&z, latents, atBin + 4u * j, 4u * HG, k);
  }
  return z;
}

// A group of an assignment. Even the smallest counts where a bin has little: it is kept in a unit in which half precision
// still tells it from zero.
fn share(field: u32, token: u32) -> vec4f {
  return row(field, token) / ASSIGNMENT_UNIT;
}

// The token's assignment; returns Σ a log a over heads and bins if `entropy`.
fn assign(state: u32, assignment: u32, token: u32, entropy: bool) -> f32 {
  let x = firstNorm(load(stateRow(state), token), state, NONE, token);
  var sum = 0.0;
  for (var h = 0u; h < settings.heads; h++) {
    var keys = mat4x4f();
    var values = mat4x4f();
    let z = keysAndLatents(h, x, &keys, &values);
    keepAll(keys, headRow(rowKey, h), seat);
    keepAll(values, headRow(rowValue, h), seat);
    let field = assignment + h * BG;
    let sharpness = factors[3u + 2u * h];
    var own = mat4x4f();
    var largest = LOWEST;
    for (var g = 0u; g < settings.bg; g++) {
      let p = atPrototypes + 8u * (h * BG + g);
      let both = pieces(p, 2u, 1u);
      let scores = sharpness * (z[0] * both.a + z[1] * both.b);
      setScore(&own, field, g, token, scores);
      largest = max(largest, largestOf(scores, g));
    }
    softmax(&own, field, largest, ASSIGNMENT_UNIT, token);
    if (entropy) {
      for (var g = 0u; g < settings.bg; g++) {
        let a = share(field + g, token);
        sum += dot(a, clampedLog(a));
      }
    }
  }
  return sum;
}

// A piece of all heads' bins: a group of masses or a tile of keys or values.
fn binTile(item: u32, keys: u32, values: u32, forKeys: u32, forValues: u32) -> Tile {
  let perHead = BG + 2u * BG * HG;
  let h = item / perHead;
  var i = item % perHead;
  let base = h * HEAD_BINS;
  if (i < BG) { return reduction(SUM, forKeys + h * BG + i, 0u, base + i); }
  i -= BG;
  let isValue = i >= BG * HG;
  if (isValue) { i -= BG * HG; }
  let group = i / HG;
  let feature = i % HG;
  let into = base + BG + 4u * group * HG + feature;
  if (isValue) { return outer(values + h * HG + feature, forValues + h * BG + group, into + 4u * BG * HG, HG); }
  return outer(keys + h * HG + feature, forKeys + h * BG + group, into, HG);
}

// bins ← sums over active tokens and frozen ones, which grow by `entering` tokens of the halted list.
fn sumBins(assignment: u32, list: u32, acting: u32, enteringAt: u32, entering: u32) {
  for (var item = tid; item < H * (BG + 2u * BG * HG); item += W) {
    let part = binTile(item, rowKey, rowValue, assignment, assignment);
    for (var c = 0u; c < part.columns; c++) {
      let p = part.into + c * HG;
      setBin(p, store[slot + binsFrozen + p]);
    }
    for (var isActive = 0u; isActive < settings.latent; isActive++) {
      let ofActive = isActive == 1u;
      let sums = tile(part, select(enteringAt, list, ofActive), select(acting, 0u, ofActive), select(entering, acting, ofActive));
      let m = sums * (1.0 / ASSIGNMENT_UNIT);
      for (var c = 0u; c < part.columns; c++) {
        let p = part.into + c * HG;
        let sum = bin(p) + m[c];
        setBin(p, sum);
        if (isActive == 0u) { store[slot + binsFrozen + p] = sum; }
      }
    }
  }
}

// Means from sums, for four bins of a head.
fn finishBins(item: u32) {
  let base = (item / BG) * HEAD_BINS;
  let g = item % BG;
  let inverse = 1.0 / (bin(base + g) + 1e-6);
  setBin(base + g, inverse);
  let scale = 1.0 / sqrt(f32(D / H));
  for (var c = 0u; c < 4u; c++) {
    let p = base + BG + (4u * g + c) * HG;
    for (var j = 0u; j < settings.hg; j++) {
      let value = p + 4u * BG * HG + j;
      setBin(p + j, bin(p + j) * (inverse[c] * scale));
      setBin(value, bin(value) * inverse[c]);
    }
  }
}

fn saveBins(t: u32) {
  let saved = slot + binsSaved + (t / FREQUENCY) * BINS;
  for (var p = tid; p < BINS; p += W) { store[saved + p] = bin(p); }
}

fn loadBins(source: u32) {
  for (var p = tid; p < BINS; p += W) { setBin(p, store[slot + source + p]); }
}

// From dK, dV of four bins to the gradient of their sums, which also joins the total; dK and dV are cleared.
fn binsBackward(item: u32, saved: u32) {
  let base = (item / BG) * HEAD_BINS;
  let g = item % BG;
  let inverse = store[slot + saved + base + g];
  let scale = 1.0 / sqrt(f32(D / H));
  var slope = vec4f(0.0);
  for (var c = 0u; c < 4u; c++) {
    let p = base + BG + (4u * g + c) * HG;
    var sum = 0.0;
    for (var j = 0u; j < 2u * settings.hg; j++) {
      // Keys first, then values.
      let q = p + select(j, 4u * BG * HG + j - HG, j >= HG);
      let own = store[slot + binsGradient + q];
      store[slot + binsGradient + q] = vec4f(0.0);
      sum += dot(own, store[slot + saved + q]);
      let spread = own * (inverse[c] * select(scale, 1.0, j >= HG));
      setBin(q, spread);
      store[slot + binsTotal + q] += spread;
    }
    slope[c] = -sum * inverse[c];
  }
  setBin(base + g, slope);
  store[slot + binsTotal + base + g] += slope;
}

// From the gradient of the bins' sums in `bins` to those of scores, latents, keys, values and x, which grows.
fn assignBackward(state: u32, assignment: u32, token: u32, entropy: bool) {
  let x = firstNorm(load(stateRow(state), token), state, rowCentred1, token);
  let slopes = stateRow(rowDx);
  var dx = load(slopes, seat);
  for (var h = 0u; h < settings.heads; h++) {
    let base = h * HEAD_BINS;
    let keyRow = headRow(rowKey, h);
    let valueRow = headRow(rowValue, h);
    let shares = binsRow(assignment, h);
    let scores = binsRow(rowDAssignment, h);
    var keys = mat4x4f();
    var values = mat4x4f();
    let z = keysAndLatents(h, x, &keys, &values);
    keepAll(keys, keyRow, seat);
    keepAll(z, latentRow(rowLatent, h), seat);
    let a = load(shares, token);
    // Slopes of the softmax's output times that output: alone they may be huge, where little of a bin comes from the token.
    var dScores = mat4x4f();
    var inner = 0.0;
    var whole = 0.0;
    for (var g = 0u; g < scores.count; g++) {
      let own = held(a, shares, g, token) / ASSIGNMENT_UNIT;
      var slope = bin(base + g);
      let p = base + BG + 4u * g * HG;
      slope += binProduct(p, keys, keyRow, 0u, seat) + binProduct(p + 4u * BG * HG, values, valueRow, 0u, seat);
      if (entropy) { slope += settings.entropyWeight * entropySlope(own); }
      hold(&dScores, scores, g, seat, slope * own);
      inner += sumOf(slope * own);
      whole += sumOf(held(a, shares, g, token));
    }
    let sharpness = factors[3u + 2u * h];
    var dz = mat4x4f();
    for (var g = 0u; g < scores.count; g++) {
      let own = held(dScores, scores, g, seat) - inner / whole * held(a, shares, g, token);
      setRow(scores.field + g, seat, own);
      let slope = sharpness * own;
      let p = atPrototypes + 8u * (h * BG + g);
      let both = pieces(p, 2u, 1u);
      dz[0] += both.a * slope;
      dz[1] += both.b * slope;
    }
    if (HALF) { balance(scores, a, shares, token); }
    keepAll(dz, latentRow(rowDLatent, h), seat);
    let dKeyRow = headRow(rowDKey, h);
    let dValueRow = headRow(rowDValue, h);
    var dKeys = mat4x4f();
    let dLatents = latentRow(rowDLatent, h);
    var none = mat4x4f();
    for (var j = 0u; j < dKeyRow.count; j++) {
      hold(&dKeys, dKeyRow, j, seat, product(&none, atBinT, j, HG, dz, dLatents, seat));
    }
    var dValues = zeros(dValueRow, seat);
    for (var g = 0u; g < shares.count; g++) {
      let own = held(a, shares, g, token) / ASSIGNMENT_UNIT;
      let p = base + BG + 4u * g * HG;
      binSpread(&dKeys, dKeyRow, p, own, seat);
      binSpread(&dValues, dValueRow, p + 4u * BG * HG, own, seat);
    }
    keepAll(dKeys, dKeyRow, seat);
    keepAll(dValues, dValueRow, seat);
    for (var j = 0u; j < dKeyRow.count; j++) {
      spread(&dx, slopes, atKeyT + 4u * (h * HG + j), 4u * P4, held(dKeys, dKeyRow, j, seat));
      spread(&dx, slopes, atValueT + 4u * (h * HG + j), 4u * P4, held(dValues, dValueRow, j, seat));
    }
  }
  spreadFurther(slopes, atKeyT, headsRow(rowDKey), seat);
  spreadFurther(slopes, atValueT, headsRow(rowDValue), seat);
  keepAll(dx, slopes, seat);
  var gradient = load(stateRow(rowGradient), token);
  centerNormBackward(&gradient, dx, slopes, atGamma1, token);
  keepAll(gradient, stateRow(rowGradient), token);
}

// ∂ of prototypes, W_bin, W_k, W_v, log τ and the first norm.
fn assignTile(item: u32) -> Tile {
  var i = item;
  if (i < 2u * A4) {
    return outer(rowLatent + 2u * (i / (2u * BG)) + i % 2u, rowDAssignment + i / 2u, slotPrototypes + 8u * (i / 2u) + i % 2u, 2u);
  }
  i -= 2u * A4;
  if (i < 2u * HG) {
    return Tile(OUTER, rowDLatent + i / HG, rowKey + i % HG, slotBin + 4u * i, 1u, 4u, H, 2u, HG);
  }
  i -= 2u * HG;
  if (i < P4 * D4) { return outer(rowDKey + i / D4, rowX + i % D4, slotKey + 4u * i, 1u); }
  i -= P4 * D4;
  if (i < P4 * D4) { return outer(rowDValue + i / D4, rowX + i % D4, slotValue + 4u * i, 1u); }
  i -= P4 * D4;
  if (i < P4) { return reduction(SUM, rowDKey + i, 0u, slotKeyBias + i); }
  i -= P4;
  if (i < P4) { return reduction(SUM, rowDValue + i, 0u, slotValueBias + i); }
  i -= P4;
  if (i < H) { return Tile(DOT, rowLatent + 2u * i, rowDLatent + 2u * i, slotTau + i, 0u, 1u, 2u, 1u, 1u); }
  return firstNormTile(i - H);
}

// ∂γ₁ (items from 0) and ∂β₁ (from D4).
fn firstNormTile(item: u32) -> Tile {
  if (item < D4) { return reduction(ELEMENTS, rowDx + item, rowCentred1 + item, slotGamma1 + item); }
  return reduction(SUM, rowDx + item - D4, 0u, slotBeta1 + item - D4);
}

fn assignWeights(count: u32) {
  let items = 2u * A4 + 2u * HG + 2u * P4 * D4 + 2u * P4 + H + 2u * D4;
  for (var item = tid; item < items; item += W) { addTile(assignTile(item), count); }
}

// Block (spec §1) ---------------------------------------------------------------------------------------------------

// The block's input of a token, normalized.
fn firstNorm(state: mat4x4f, field: u32, centred: u32, token: u32) -> mat4x4f {
  return centerNorm(state, stateRow(field), stateRow(rowX), centred, atGamma1, atBeta1, token);
}

// Group j of a head's query, in their order.
fn query(further: ptr<function, mat4x4f>, h: u32, j: u32, x: mat4x4f) -> vec4f {
  return weight(atQueryBias + h * HG + j) + product(further, atQuery + 4u * h * HG * D4, j, HG, x, stateRow(rowX), seat);
}

// h′ ← h + α·dropout(HQSA(x)), which is returned as a held row.
fn attention(t: u32, token: u32) -> mat4x4f {
  let mixedRow = headsRow(stepField(rowMixed, t));
  let state = load(stateRow(inputField(t)), token);
  let x = firstNorm(state, inputField(t), NONE, token);
  var mixed = mat4x4f();
  for (var h = 0u; h < settings.heads; h++) {
    let keys = h * HEAD_BINS + BG;
    let values = keys + 4u * BG * HG;
    let queryRow = headRow(rowQuery, h);
    let weights = binsRow(stepField(rowAttention, t), h);
    var q = mat4x4f();
    var further = mat4x4f();
    for (var j = 0u; j < queryRow.count; j++) { hold(&q, queryRow, j, seat, query(&further, h, j, x)); }
    var own = mat4x4f();
    var largest = LOWEST;
    for (var g = 0u; g < weights.count; g++) {
      let scores = binProduct(keys + 4u * g * HG, q, queryRow, 0u, seat);
      setScore(&own, weights.field, g, token, scores);
      largest = max(largest, largestOf(scores, g));
    }
    softmax(&own, weights.field, largest, 1.0, token);
    let outRow = headRow(mixedRow.field, h);
    var out = zeros(outRow, seat);
    for (var g = 0u; g < weights.count; g++) {
      let w = held(own, weights, g, token) * keptBins(h, g, token, t);
      binSpread(&out, outRow, values + 4u * g * HG, w, seat);
    }
    for (var j = 0u; j < min(outRow.count, 4u); j++) { hold(&mixed, mixedRow, h * HG + j, seat, column(out, HG, j)); }
  }
  if (settings.recordStride > 0u) { keepAll(mixed, mixedRow, seat); }
  let middleRow = stateRow(stepField(rowMiddle, t));
  var middle = mat4x4f();
  var further = mat4x4f();
  for (var g = 0u; g < middleRow.count; g++) {
    let branch = weight(atOutputBias + g) + product(&further, atOutput, g, D4, mixed, mixedRow, seat);
    var own = held(state, stateRow(inputField(t)), g, token);
    if (HALF) { own = stream(g, token); }
    own += ALPHA * kept(4u * g, SITE_ATTENTION_OUTPUT, token, t) * branch;
    hold(&middle, middleRow, g, token, own);
    setStream(g, token, own);
  }
  if (settings.recordStride > 0u) { keepAll(middle, middleRow, token); }
  return middle;
}

// h⁺ ← h′ + α·dropout(FFN(y)); returns its halting score but for the bias.
fn feedForward(t: u32, middle: mat4x4f, token: u32) -> f32 {
  let middleRow = stateRow(stepField(rowMiddle, t));
  let state = stateRow(stateField(t + 1u));
  let y = centerNorm(middle, middleRow, stateRow(rowX), NONE, atGamma2, atBeta2, token);
  let inverses = vec2f(factors[1], factors[2]);
  var sums = zeros(state, token);
  var further = mat4x4f();
  for (var g = 0u; g < settings.f4; g++) {
    let x = weight(atFfn1Bias + g) + inverses.x * product(&further, atFfn1, g, F4, y, stateRow(rowX), seat);
    let tail = normalTail(x, exponential(-0.5 * x * x));
    let gelu = max(x, vec4f(0.0)) - abs(x) * tail;
    let hidden = kept(4u * g, SITE_FFN_HIDDEN, token, t) * gelu;
    if (D4 > 4u) { setRow(rowHidden + g, seat, hidden); }
    spread(&sums, state, atFfn2 + 4u * g, 4u * F4, hidden);
  }
  spreadFurther(state, atFfn2, hiddenRow(rowHidden), token);
  var score = 0.0;
  for (var g = 0u; g < state.count; g++) {
    let branch = weight(atFfn2Bias + g) + inverses.y * held(sums, state, g, token);
    var own = held(middle, middleRow, g, token);
    if (HALF) { own = stream(g, token); }
    own += ALPHA * kept(4u * g, SITE_FFN_OUTPUT, token, t) * branch;
    setRow(state.field + g, token, own);
    setStream(g, token, own);
    score += dot(weight(atHalting + t * D4 + g), own);
  }
  return score;
}

// The token's gradient from h⁺ back to h′, through the FFN.
fn feedForwardBackward(t: u32, gradient: ptr<function, mat4x4f>, token: u32) {
  let middleRow = stateRow(stepField(rowMiddle, t));
  let branchRow = stateRow(rowBranch2);
  let slopes = stateRow(rowDy);
  let y = centerNorm(load(middleRow, token), middleRow, stateRow(rowY), rowCentred2, atGamma2, atBeta2, token);
  var branch = mat4x4f();
  for (var g = 0u; g < branchRow.count; g++) {
    let own = held(*gradient, stateRow(rowGradient), g, token);
    keep(&branch, branchRow, g, seat, ALPHA * kept(4u * g, SITE_FFN_OUTPUT, token, t) * own);
  }
  let inverses = vec2f(factors[1], factors[2]);
  var dy = zeros(slopes, seat);
  var furtherX = mat4x4f();
  var furtherSlope = mat4x4f();
  for (var g = 0u; g < settings.f4; g++) {
    let x = weight(atFfn1Bias + g) + inverses.x * product(&furtherX, atFfn1, g, F4, y, stateRow(rowY), seat);
    let density = exponential(-0.5 * x * x);
    let tail = normalTail(x, density);
    let mask = kept(4u * g, SITE_FFN_HIDDEN, token, t);
    setRow(rowHidden + g, seat, mask * (max(x, vec4f(0.0)) - abs(x) * tail));
    let slope = select(1.0 - tail, tail, x < vec4f(0.0)) + x * density * 0.3989422804014327;
    let dHidden = product(&furtherSlope, atFfn2T, g, F4, branch, branchRow, seat);
    let dBefore = mask * slope * inverses.y * dHidden;
    setRow(rowDBefore + g, seat, dBefore);
    spread(&dy, slopes, atFfn1T + 4u * g, 4u * F4, dBefore);
  }
  spreadFurther(slopes, atFfn1T, hiddenRow(rowDBefore), seat);
  for (var g = 0u; g < slopes.count; g++) { keep(&dy, slopes, g, seat, inverses.x * held(dy, slopes, g, seat)); }
  centerNormBackward(gradient, dy, slopes, atGamma2, token);
}

// From h′ back to x, through the attention, in `rowDx`, and with `withNorm` further to h.
fn attentionBackward(t: u32, gradient: ptr<function, mat4x4f>, token: u32, withNorm: bool) {
  let branchRow = stateRow(rowBranch1);
  let mixedRow = headsRow(rowDMixed);
  let slopes = stateRow(rowDx);
  let x = firstNorm(load(stateRow(inputField(t)), token), inputField(t), rowCentred1, token);
  var branch = mat4x4f();
  for (var g = 0u; g < branchRow.count; g++) {
    let own = held(*gradient, stateRow(rowGradient), g, token);
    keep(&branch, branchRow, g, seat, ALPHA * kept(4u * g, SITE_ATTENTION_OUTPUT, token, t) * own);
  }
  var dMixed = mat4x4f();
  var furtherQuery = mat4x4f();
  var furtherMixed = mat4x4f();
  for (var g = 0u; g < mixedRow.count; g++) {
    setRow(rowQuery + g, seat, query(&furtherQuery, g / HG, g % HG, x));
    keep(&dMixed, mixedRow, g, seat, product(&furtherMixed, atOutputT, g, P4, branch, branchRow, seat));
  }
  var dx = zeros(slopes, seat);
  for (var h = 0u; h < settings.heads; h++) {
    let keys = h * HEAD_BINS + BG;
    let values = keys + 4u * BG * HG;
    let weights = binsRow(stepField(rowAttention, t), h);
    let scores = binsRow(rowDScore, h);
    let queryRow = headRow(rowDQuery, h);
    let own = load(weights, token);
    // Where not all slopes stay in registers, their mean by the weights, as they were mixed, is taken off before they are
    // rounded: what is left is little where bins are alike.
    var mean = 0.0;
    if (HALF && BG > 4u) {
      for (var j = h * HG; j < h * HG + settings.hg; j++) {
        mean += dot(held(dMixed, mixedRow, j, seat), row(stepField(rowMixed, t) + j, seat));
      }
    }
    var dScores = mat4x4f();
    var inner = 0.0;
    var whole = 0.0;
    for (var g = 0u; g < scores.count; g++) {
      let slope = binProduct(values + 4u * g * HG, dMixed, mixedRow, h * HG, seat);
      let all = held(own, weights, g, token);
      let w = keptBins(h, g, token, t) * all;
      let part = slope * w - mean * all;
      hold(&dScores, scores, g, seat, part);
      setRow(rowDropped + h * BG + g, seat, w);
      inner += sumOf(part);
      whole += sumOf(all);
    }
    var dq = zeros(queryRow, seat);
    for (var g = 0u; g < scores.count; g++) {
      let s = held(dScores, scores, g, seat) - inner / whole * held(own, weights, g, token);
      setRow(scores.field + g, seat, s);
      binSpread(&dq, queryRow, keys + 4u * g * HG, s, seat);
    }
    if (HALF) { balance(scores, own, weights, token); }
    for (var j = 0u; j < queryRow.count; j++) {
      let dQuery = held(dq, queryRow, j, seat);
      setRow(queryRow.field + j, seat, dQuery);
      spread(&dx, slopes, atQueryT + 4u * (h * HG + j), 4u * P4, dQuery);
    }
  }
  spreadFurther(slopes, atQueryT, headsRow(rowDQuery), seat);
  keepAll(dx, slopes, seat);
  if (withNorm) { centerNormBackward(gradient, dx, slopes, atGamma1, token); }
}

// ∂ of the FFN, the second norm, W_o, W_q, and dK, dV; then the first norm's.
fn blockTile(item: u32, t: u32) -> Tile {
  let mixed = stepField(rowMixed, t);
  var i = item;
  if (i < D4 * F4) { return outer(rowBranch2 + i / F4, rowHidden + i % F4, slotFfn2 + 4u * i, 1u); }
  i -= D4 * F4;
  if (i < D4 * F4) { return outer(rowDBefore + i / D4, rowY + i % D4, slotFfn1 + 4u * i, 1u); }
  i -= D4 * F4;
  if (i < D4 * P4) { return outer(rowBranch1 + i / P4, mixed + i % P4, slotOutput + 4u * i, 1u); }
  i -= D4 * P4;
  if (i < D4 * P4) { return outer(rowDQuery + i / D4, rowX + i % D4, slotQuery + 4u * i, 1u); }
  i -= D4 * P4;
  if (i < H * (BG + 2u * BG * HG)) {
    // The masses' places are computed for nothing: their gradient follows from the others.
    var part = binTile(i, rowQuery, rowDMixed, rowDScore, rowDropped);
    part.into += binsGradient;
    return part;
  }
  i -= H * (BG + 2u * BG * HG);
  if (i < F4) { return reduction(SUM, rowDBefore + i, 0u, slotFfn1Bias + i); }
  i -= F4;
  if (i < P4) { return reduction(SUM, rowDQuery + i, 0u, slotQueryBias + i); }
  i -= P4;
  if (i < D4) { return reduction(SUM, rowBranch2 + i, 0u, slotFfn2Bias + i); }
  i -= D4;
  if (i < D4) { return reduction(SUM, rowBranch1 + i, 0u, slotOutputBias + i); }
  i -= D4;
  if (i < D4) { return reduction(ELEMENTS, rowDy + i, rowCentred2 + i, slotGamma2 + i); }
  i -= D4;
  if (i < D4) { return reduction(SUM, rowDy + i, 0u, slotBeta2 + i); }
  return firstNormTile(i - D4);
}

fn blockWeights(t: u32, list: u32, count: u32, withNorm: bool) {
  let items = 2u * D4 * F4 + 2u * P4 * D4 + H * (BG + 2u * BG * HG) + F4 + P4 + 4u * D4 + select(0u, 2u * D4, withNorm);
  for (var item = tid; item < items; item += W) { addTile(blockTile(item, t), count); }
  // The halting unit: the last item is its bias.
  for (var i = tid; i <= D4; i += W) {
    var sum = vec4f(0.0);
    for (var k = 0u; k < count; k += 4u) {
      let tokens = fourTokens(list, fourSeats(k, count));
      let p = vec4u(probabilityAt(t, 0u)) + tokens;
      let all = vec4f(halt[p.x], halt[p.y], halt[p.z], halt[p.w]);
      let slopes = select(vec4f(0.0), all, vec4u(k) + vec4u(0u, 1u, 2u, 3u) < vec4u(count));
      if (i < D4) { sum += four(stateField(t + 1u) + i, tokens) * slopes; } else { sum.x += sumOf(slopes); }
    }
    store[slot + select(slotHaltingBias + t, slotHalting + t * D4 + i, i < D4)] += sum;
  }
}

// Halting (spec §1) and objective (spec §2) --------------------------------------------------------------------------

// Spends step t's probability of a token, from its score but for the bias.
fn haltToken(t: u32, score: f32, token: u32) {
  let rest = halt[probabilityAt(L, token)];
  if (!awake || !(rest > settings.haltRemainder)) { return; }
  if (REPEAT == 1u) {
    lists[stepsAt() + token] = t + 1u;
    return;
  }
  let sigmoid = 1.0 / (1.0 + exponential(vec4f(-weight(atHaltingBias + t).x - score)).x);
  // A sigmoid that is no number goes on into the losses and counts as halted.
  let p = select(sigmoid, rest, sigmoid > rest);
  halt[probabilityAt(t, token)] = p;
  halt[probabilityAt(L, token)] = rest - p;
  lists[stepsAt() + token] = t + 1u;
}

fn logPrior(t: u32) -> f32 {
  return weight(atPrior + t / 4u)[t % 4u];
}

fn prior(t: u32) -> f32 {
  return weight(atPrior + (L + 4u) / 4u + t / 4u)[t % 4u];
}

// P·log(P/Q) − (P − Q) of one outcome, which is no less than 0: their sum is the divergence, and rounding cannot eat it.
fn outcomeDivergence(p: f32, t: u32) -> f32 {
  let q = prior(t);
  let u = (p - q) / q;
  if (abs(u) < 0.25) { return q * u * u * (0.5 - 0.5 * u + (1.0 + u) * u * logTail(vec4f(u)).x); }
  return p * (clampedLog(vec4f(p)).x - logPrior(t)) - (p - q);
}

fn divergence(token: u32) -> f32 {
  if (REPEAT == 1u) { return 0.0; }
  var sum = 0.0;
  for (var t = 0u; t <= settings.layers; t++) { sum += outcomeDivergence(halt[probabilityAt(t, token)], t); }
  return sum;
}

// p of a token becomes the gradient of each step's score, from the KL term and, for [CLS], from its readout.
fn haltBackward(token: u32, ran: u32, dRest: f32) {
  // Backward, the remainder before step t is the later probabilities and the last remainder together; that rounds
  // otherwise than it did forward, so the comparison is made on the steps: only the last one can take all that is left.
  let last = lists[stepsAt() + token] - 1u;
  let rest = halt[probabilityAt(L, token)];
  var dRemainder = settings.klWeight * (entropySlope(vec4f(rest)).x - logPrior(L));
  if (token == 0u) { dRemainder += dRest; }
  for (var t = ran; t > 0u; t--) {
    let at = probabilityAt(t - 1u, token);
    let p = halt[at];
    if (t - 1u > last) {
      halt[at] = 0.0;
      continue;
    }
    var own = settings.klWeight * (entropySlope(vec4f(p)).x - logPrior(t - 1u));
    if (token == 0u) { own += dStep[t - 1u]; }
    let slope = own - dRemainder;
    if (t - 1u == last && rest == 0.0) {
      dRemainder = own;
      halt[at] = 0.0;
    } else {
      halt[at] = slope * p * (1.0 - p);
    }
  }
}

fn logitAt(s: u32, c: u32) -> u32 {
  return resultAt(settings.sequences) + s * C + c;
}

// log Σ e^(logit − largest) and the largest logit.
fn logSum(s: u32) -> vec2f {
  var largest = LOWEST;
  for (var c = 0u; c < settings.classes; c++) { largest = max(largest, halt[logitAt(s, c)]); }
  var sum = 0.0;
  for (var c = 0u; c < settings.classes; c++) { sum += exponential(vec4f(halt[logitAt(s, c)] - largest)).x; }
  return vec2f(log(sum), largest);
}

// One thread: logits of the readout, its loss, and whether its class is right.
fn headAndLoss(s: u32, label: u32) {
  var largest = LOWEST;
  var best = 0u;
  for (var c = 0u; c < settings.classes; c++) {
    var sum = weight(atHeadBias + c / 4u)[c % 4u];
    for (var g = 0u; g < settings.d4; g++) { sum += dot(weight(atHead + c * D4 + g), readout[g]); }
    halt[logitAt(s, c)] = sum;
    if (sum > largest) {
      largest = sum;
      best = c;
    }
  }
  let all = logSum(s);
  halt[resultAt(s)] = all.x + all.y - halt[logitAt(s, label)];
  halt[resultAt(s) + 3u] = select(0.0, 1.0, best == label);
}

// ∂W_c, ∂b_c and the readout's gradient.
fn headBackward(s: u32, label: u32) {
  let all = logSum(s);
  for (var g = tid; g < (C + 3u) / 4u; g += W) {
    var own = vec4f(0.0);
    for (var c = 0u; c < min(4u, C - 4u * g); c++) { own[c] = headSlope(s, label, 4u * g + c, all); }
    store[slot + slotHeadBias + g] = own;
  }
  for (var g = tid; g < D4; g += W) {
    var sum = vec4f(0.0);
    for (var c = 0u; c < settings.classes; c++) {
      let slope = headSlope(s, label, c, all);
      store[slot + slotHead + c * D4 + g] = slope * store[slot + storeReadout + g];
      sum += slope * weight(atHead + c * D4 + g);
    }
    dReadout[g] = sum;
  }
}

fn headSlope(s: u32, label: u32, c: u32, all: vec2f) -> f32 {
  let p = exponential(vec4f(halt[logitAt(s, c)] - all.y - all.x)).x;
  return settings.taskWeight * (p - select(0.0, 1.0, c == label));
}

// Counts the tokens of step t that go on and, in exit mode, splits the list; every thread owns a run of it.
fn splitList(t: u32, now: vec4u) {
  let acting = now.x;
  let run = (acting + W - 1u) / W;
  let begins = min(tid * run, acting);
  let to = min(begins + run, acting);
  var left = 0u;
  for (var k = begins; k < to; k++) {
    if (halt[probabilityAt(L, tokenAt(listAt(t), k))] > settings.haltRemainder) { left++; }
  }
  setTally(tid, left);
  meet();
  let scanRun = settings.scanRun;
  if (tid < settings.scanRuns) {
    var sum = 0u;
    for (var i = 0u; i < scanRun; i++) { sum += tally(tid * scanRun + i); }
    setTally(W + tid, sum);
  }
  meet();
  var before = 0u;
  var all = 0u;
  for (var i = 0u; i < settings.scanRuns; i++) {
    if (i == tid / scanRun) { before = all; }
    all += tally(W + i);
  }
  for (var i = tid - tid % scanRun; i < tid; i++) { before += tally(i); }
  if (EXIT == 1u) {
    var front = listAt(t + 1u) + before;
    var back = haltedAt() + now.y + begins - before;
    for (var k = begins; k < to; k++) {
      let token = tokenAt(listAt(t), k);
      let goesOn = halt[probabilityAt(L, token)] > settings.haltRemainder;
      if (goesOn) {
        if (t + 1u < L) { lists[front] = token; }
        front++;
      } else {
        lists[back] = token;
        back++;
      }
    }
  }
  if (tid == 0u) {
    // One word says whether the sequence goes on, so that all threads leave the loop together.
    let ended = all == 0u || (EXIT == 1u && settings.early == 1u && !(halt[probabilityAt(L, 0u)] > settings.haltRemainder));
    let count = select(now.x, all, EXIT == 1u);
    let gone = select(0u, now.y + now.x - all, EXIT == 1u);
    present = vec4u(count, gone, select(now.z, now.y, t % FREQUENCY == 0u), select(1u, 0u, ended));
  }
}

// Runs the block until no token is active, `steps` times at most; leaves readout, halting and results.
fn runForward(s: u32, steps: u32) {
  for (var token = tid; token < length; token += W) {
    embed(token);
    lists[first + token] = token;
    lists[stepsAt() + token] = 0u;
    for (var t = 0u; t < settings.layers; t++) { halt[probabilityAt(t, token)] = 0.0; }
    halt[probabilityAt(L, token)] = 1.0;
  }
  for (var p = tid; p < BINS; p += W) { store[slot + binsFrozen + p] = vec4f(0.0); }
  for (var g = tid; g < settings.d4; g += W) { readout[g] = vec4f(0.0); }
  if (tid == 0u) { present = vec4u(length, 0u, 0u, 1u); }
  storageBarrier();
  var entropy = 0.0;
  var power = 0.0;
  var ran = 0u;
  for (var t = 0u; t < steps; t++) {
    let now = meetAtPresent();
    if (now.w == 0u) { break; }
    if (tid == 0u) { store[slot + storeSteps + t] = vec4f(now); }
    let acting = now.x;
    awake = true;
    for (var k = tid; k < acting; k += W) { power += addNoise(t, tokenAt(listAt(t), k), true); }
    if (t % FREQUENCY == 0u) {
      let entering = now.y - now.z;
      let enteringAt = haltedAt() + now.z;
      let assignment = stepField(rowAssignment, t);
      let all = acting + entering;
      for (var k = tid; goesOn(k, all); k += W) {
        let isActive = min(k, all - 1u) < acting;
        let token = ownToken(select(enteringAt - acting, listAt(t), isActive), k, all);
        let state = select(stateField(lists[stepsAt() + token]), inputField(t), isActive);
        let own = assign(state, assignment, token, t == 0u);
        if (awake) { entropy += own; }
      }
      storageBarrier();
      sumBins(assignment, listAt(t), acting, enteringAt, entering);
      meet();
      for (var item = tid; item < H * BG; item += W) { finishBins(item); }
      meet();
      if (settings.recordStride > 0u) { saveBins(t); }
    }
    for (var k = tid; goesOn(k, acting); k += W) {
      let token = ownToken(listAt(t), k, acting);
      haltToken(t, feedForward(t, attention(t, token), token), token);
    }
    storageBarrier();
    for (var g = tid; g < D4; g += W) {
      var state = row(stateField(t + 1u) + g, 0u);
      if (HALF) { state = stream(g, 0u); }
      store[slot + storeStates + t * D4 + g] = state;
      // [CLS] took part.
      if (lists[stepsAt()] == t + 1u) { readout[g] += halt[probabilityAt(t, 0u)] * state; }
    }
    splitList(t, now);
    storageBarrier();
    ran = t + 1u;
  }
  let last = select(ran, min(ran, lists[stepsAt()]), EXIT == 1u);
  for (var g = tid; g < settings.d4; g += W) {
    readout[g] += halt[probabilityAt(L, 0u)] * store[slot + storeStates + (last - 1u) * D4 + g];
    store[slot + storeReadout + g] = readout[g];
  }
  var sum = vec4f(0.0, entropy, 0.0, power);
  for (var token = tid; token < length; token += W) {
    sum.x += divergence(token);
    sum.z += f32(lists[stepsAt() + token]);
  }
  let totals = total(tid, sum);
  if (tid == 0u) {
    halt[resultAt(s) + 1u] = totals.x;
    halt[resultAt(s) + 2u] = totals.y;
    halt[resultAt(s) + 4u] = totals.z;
    halt[resultAt(s) + 5u] = f32(ran);
    halt[resultAt(s) + 7u] = totals.w;
    headAndLoss(s, batch[settings.labels + s]);
  }
}

// y = Σ p_t h⁺_t + r·h_last: the weight of each state, and the gradient of each weight.
fn readoutBackward(ran: u32) {
  let clsSteps = lists[stepsAt()];
  let weighted = select(ran, clsSteps, EXIT == 1u);
  for (var t = tid; t < ran; t += W) {
    var slope = 0.0;
    var weight = 0.0;
    if (t < weighted) {
      for (var g = 0u; g < settings.d4; g++) { slope += dot(dReadout[g], store[slot + storeStates + t * D4 + g]); }
      if (t < clsSteps) { weight = halt[probabilityAt(t, 0u)]; }
      if (t + 1u == weighted) { weight += halt[probabilityAt(L, 0u)]; }
    }
    dStep[t] = slope;
    clsWeights[t] = weight;
  }
  workgroupBarrier();
  let dRest = dStep[weighted - 1u];
  for (var token = tid; token < length; token += W) { haltBackward(token, ran, dRest); }
}

// One token's gradient from h⁺ to h, but for the bins' share.
fn blockBackward(t: u32, token: u32, withNorm: bool) {
  let slope = halt[probabilityAt(t, token)];
  let at = stateRow(rowGradient);
  var gradient = load(at, token);
  for (var g = 0u; g < at.count; g++) {
    var own = held(gradient, at, g, token) + slope * weight(atHalting + t * D4 + g);
    if (token == 0u) { own += clsWeights[t] * dReadout[g]; }
    hold(&gradient, at, g, token, own);
  }
  feedForwardBackward(t, &gradient, token);
  attentionBackward(t, &gradient, token, withNorm);
  keepAll(gradient, at, token);
}

// The recurrence backward, from the readout's gradient: the gradient slot grows, rowGradient ends as the embedding's.
fn runBackward(s: u32, parts: u32) {
  if (tid == 0u) { present.x = u32(halt[resultAt(s) + 5u]); }
  for (var p = tid; p < slotEnd; p += W) { store[slot + p] = vec4f(0.0); }
  for (var p = tid; p < BINS; p += W) {
    store[slot + binsTotal + p] = vec4f(0.0);
    store[slot + binsGradient + p] = vec4f(0.0);
  }
  for (var token = tid; token < length; token += W) {
    for (var g = 0u; g < settings.d4; g++) { setRow(rowGradient + g, token, vec4f(0.0)); }
  }
  storageBarrier();
  headBackward(s, batch[settings.labels + s]);
  let ran = meetAtPresent().x;
  readoutBackward(ran);
  for (var t = ran - 1u; t < L; t--) {
    let renewed = t % FREQUENCY == 0u;
    let saved = binsSaved + (t / FREQUENCY) * BINS;
    storageBarrier();
    loadBins(saved);
    if (tid == 0u) { present = vec4u(store[slot + storeSteps + t]); }
    let now = meetAtPresent();
    for (var k = tid; goesOn(k, now.x); k += W) {
      let token = ownToken(listAt(t), k, now.x);
      addNoise(t, token, false);
      blockBackward(t, token, !renewed);
    }
    storageBarrier();
    blockWeights(t, listAt(t), now.x, !renewed);
    if (renewed) {
      storageBarrier();
      for (var item = tid; item < H * BG; item += W) { binsBackward(item, saved); }
      assignmentsBackward(t, now, parts);
    }
    awake = true;
    for (var k = tid; k < now.x; k += W) { noiseBackward(t, tokenAt(listAt(t), k)); }
  }
  storageBarrier();
  awake = true;
  for (var token = tid; token < length; token += W) { embedBackward(token); }
}

// The bins' share of the gradient: of the active tokens first, then of those frozen since the last renewal, which were in
// the bins from this one on.
fn assignmentsBackward(t: u32, now: vec4u, parts: u32) {
  let assignment = stepField(rowAssignment, t);
  for (var part = 0u; part < parts; part++) {
    let isActive = part == 0u;
    let list = select(haltedAt() + now.z, listAt(t), isActive);
    let count = select(now.y - now.z, now.x, isActive);
    if (count == 0u) { break; }
    storageBarrier();
    if (!isActive) { loadBins(binsTotal); }
    meet();
    for (var k = tid; goesOn(k, count); k += W) {
      let token = ownToken(list, k, count);
      if (!isActive) {
        for (var g = 0u; g < settings.d4; g++) { setRow(rowDx + g, seat, vec4f(0.0)); }
      }
      let state = select(stateField(lists[stepsAt() + token]), inputField(t), isActive);
      assignBackward(state, assignment, token, t == 0u);
    }
    storageBarrier();
    assignWeights(count);
  }
}

fn begin(s: u32) {
  first = batch[settings.offsets + s];
  length = batch[settings.offsets + s + 1u] - first;
  slot = s * storeStride;
  key = vec2u(batch[settings.keys + 2u * s], batch[settings.keys + 2u * s + 1u]);
  awake = true;
}

// Says that the sequence's loops ran to their ends: some software drivers cut all loops short after 65,535 rounds in one
// thread, without a word, and this one with them. The first threads have the most rounds.
fn proveComplete(s: u32, before: f32) {
  var rounds = 0u;
  for (var i = 0u; i < settings.latent; i++) { rounds += 1u + (rounds & 1u) * settings.latent; }
  if (tid == 0u) { halt[resultAt(s) + 6u] = select(0.0, before, rounds == 2u + settings.latent); }
}

@compute @workgroup_size(W)
fn forward(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  tid = thread;
  enter(thread);
  let given = arguments[group.y];
  settings = given;
  enterGroup(group.x);
  makeFactors(group.x == 0u, given.iterate == 1u, given.latent);
  for (var i = group.x; i < given.sequences; i += groups.x) {
    let s = batch[settings.order + i];
    begin(s);
    runForward(s, given.steps);
    proveComplete(s, 1.0);
    storageBarrier();
  }
}

/** Behind `forward` of the same batch, all steps kept. */
@compute @workgroup_size(W)
fn backward(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  tid = thread;
  enter(thread);
  let given = arguments[group.y];
  settings = given;
  enterGroup(group.x);
  for (var i = tid; i < 3u + 2u * H; i += W) { factors[i] = halt[settings.factors + i]; }
  workgroupBarrier();
  for (var i = group.x; i < given.sequences; i += groups.x) {
    let s = batch[settings.order + i];
    begin(s);
    runBackward(s, given.latent);
    proveComplete(s, halt[resultAt(s) + 6u]);
    storageBarrier();
  }
}
