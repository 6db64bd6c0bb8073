/** An affine map of one row, y = W x + b. In a gradient the same fields hold dW and db. */
export interface LinearLayer {
  /** W [outputs × inputs]. */
  readonly weight: Float64Array;
  /** b [outputs]. */
  readonly bias: Float64Array;
  readonly inputs: number;
  readonly outputs: number;
}

/** y[yAt …] = W x[xAt …] + b for one row; x [inputs], y [outputs]. */
export function linearRow(layer: LinearLayer, x: Float64Array, xAt: number, y: Float64Array, yAt: number): void {
  const { weight, bias, inputs, outputs } = layer;
  for (let o = 0; o < outputs; o++) {
    let sum = bias[o];
    const row = o * inputs;
    for (let i = 0; i < inputs; i++) sum += weight[row + i] * x[xAt + i];
    y[yAt + o] = sum;
  }
}

/** Forward derivative of `linearRow`: dy[dyAt …] = W dx[dxAt …]. */
export function linearTangentRow(
  { weight, inputs, outputs }: LinearLayer,
  dx: Float64Array,
  dxAt: number,
  dy: Float64Array,
  dyAt: number,
): void {
  for (let o = 0; o < outputs; o++) {
    let sum = 0;
    for (let i = 0; i < inputs; i++) sum += weight[o * inputs + i] * dx[dxAt + i];
    dy[dyAt + o] = sum;
  }
}

/** Backward of `linearRow`: dW += dy xᵀ, db += dy, dx += Wᵀ dy. */
export function linearRowBackward(
  layer: LinearLayer,
  gradient: LinearLayer,
  x: Float64Array,
  xAt: number,
  dy: Float64Array,
  dyAt: number,
  dx: Float64Array,
  dxAt: number,
): void {
  const { weight, inputs, outputs } = layer;
  for (let o = 0; o < outputs; o++) {
    const slope = dy[dyAt + o];
    gradient.bias[o] += slope;
    const row = o * inputs;
    for (let i = 0; i < inputs; i++) {
      gradient.weight[row + i] += slope * x[xAt + i];
      dx[dxAt + i] += slope * weight[row + i];
    }
  }
}
