import { EVD, Matrix, SVD } from "ml-matrix";

/** A small dense matrix, row by row. */
export type Rows = readonly ArrayLike<number>[];

/** An eigenvalue with a vector that belongs to it, of any length. */
export interface Eigenpair {
  readonly real: number;
  readonly imaginary: number;
  readonly vector: { readonly real: Float64Array; readonly imaginary: Float64Array };
}

/** A largest singular value with its left vector, of length 1. */
export interface SingularPair {
  readonly value: number;
  readonly left: Float64Array;
}

/**
 * All eigenvalues of a real square matrix, by QR iterations on its Hessenberg form, conjugate pairs side by side. None
 * when an element is not finite: the iteration would not end.
 */
export function eigenpairs(rows: Rows): Eigenpair[] {
  const size = rows.length;
  if (size === 0 || !allFinite(rows)) return [];
  const { realEigenvalues, imaginaryEigenvalues, eigenvectorMatrix } = new EVD(matrixOf(rows), {
    assumeSymmetric: false,
  });
  const column = (k: number) => Float64Array.from({ length: size }, (_, i) => eigenvectorMatrix.get(i, k));
  return realEigenvalues.map((real, k): Eigenpair => {
    const imaginary = imaginaryEigenvalues[k];
    // A pair's columns are the real and the imaginary part of the first one's vector.
    const first = imaginary < 0 ? k - 1 : k;
    const vector = { real: column(first), imaginary: imaginary === 0 ? new Float64Array(size) : column(first + 1) };
    return { real, imaginary, vector };
  });
}

/** The largest singular value of a real matrix; undefined when an element is not finite. */
export function largestSingularPair(rows: Rows): SingularPair | undefined {
  if (rows.length === 0 || rows[0].length === 0 || !allFinite(rows)) return undefined;
  const { diagonal, leftSingularVectors } = new SVD(matrixOf(rows), { autoTranspose: true });
  return {
    value: diagonal[0],
    left: Float64Array.from({ length: rows.length }, (_, i) => leftSingularVectors.get(i, 0)),
  };
}

function allFinite(rows: Rows): boolean {
  return rows.every((row) => Array.from(row).every(Number.isFinite));
}

function matrixOf(rows: Rows): Matrix {
  return new Matrix(rows.map((row) => Array.from(row)));
}
