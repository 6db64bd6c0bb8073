// Operations that the mutation check (tests/mutation) puts in the place of the real ones. Each occurrence has a number;
// the one whose number stands at MUTANT computes something else, all others what the kernel's author wrote.

/** The last word before the header, which no kernel uses. */
const MUTANT: usize = 65532;

// @ts-ignore: decorator
@inline
function alive(id: i32): bool {
  return load<i32>(MUTANT) == id;
}

/** False when statement `id` is dropped. */
export function kept(id: i32): bool {
  return !alive(id);
}

/** −1 when sign `id` is flipped, else 1. */
export function sign(id: i32): f32 {
  return alive(id) ? -1 : 1;
}

export function sign64(id: i32): f64 {
  return alive(id) ? -1 : 1;
}

export function value(id: i32, a: v128): v128 {
  return alive(id) ? f32x4.neg(a) : a;
}

export function add(id: i32, a: v128, b: v128): v128 {
  return alive(id) ? f32x4.sub(a, b) : f32x4.add(a, b);
}

export function sub(id: i32, a: v128, b: v128): v128 {
  return alive(id) ? f32x4.add(a, b) : f32x4.sub(a, b);
}

export function mul(id: i32, a: v128, b: v128): v128 {
  return alive(id) ? a : f32x4.mul(a, b);
}

export function div(id: i32, a: v128, b: v128): v128 {
  return alive(id) ? f32x4.mul(a, b) : f32x4.div(a, b);
}

export function neg(id: i32, a: v128): v128 {
  return alive(id) ? a : f32x4.neg(a);
}

export function sqrt(id: i32, a: v128): v128 {
  return alive(id) ? a : f32x4.sqrt(a);
}

/** `id` flips the product's sign, `id` + 1 drops what it is added to. */
export function madd(id: i32, a: v128, b: v128, c: v128): v128 {
  const product = f32x4.mul(a, b);
  if (alive(id)) return f32x4.sub(c, product);
  if (alive(id + 1)) return product;
  return f32x4.add(product, c);
}

/** `id` turns the order around. */
export function ge(id: i32, a: v128, b: v128): v128 {
  return alive(id) ? f32x4.lt(a, b) : f32x4.ge(a, b);
}

export function gt(id: i32, a: v128, b: v128): v128 {
  return alive(id) ? f32x4.le(a, b) : f32x4.gt(a, b);
}

export function eq(id: i32, a: v128, b: v128): v128 {
  return alive(id) ? f32x4.ne(a, b) : f32x4.eq(a, b);
}

/** `id` forgets the mask. */
export function and(id: i32, a: v128, b: v128): v128 {
  return alive(id) ? a : v128.and(a, b);
}

export function andnot(id: i32, a: v128, b: v128): v128 {
  return alive(id) ? a : v128.andnot(a, b);
}

/** `id` takes the other of the two. */
export function bitselect(id: i32, a: v128, b: v128, mask: v128): v128 {
  return alive(id) ? v128.bitselect(b, a, mask) : v128.bitselect(a, b, mask);
}
