#include "ReducedRank.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallVector.h"
#include <algorithm>
#include <cmath>
#include <random>

using namespace llvm;

void winnow::addScaledRows(MutableArrayRef<float> out, const float *scales, int64_t stride,
                           const float *rows, int64_t count) {
  int64_t width = out.size(), k = 0;
  float *to = out.data();
  // Four at a time, so that sums are loaded and stored once for four products.
  for (; k + 4 <= count; k += 4) {
    const float *r0 = rows + k * width, *r1 = r0 + width, *r2 = r1 + width, *r3 = r2 + width;
    float s0 = scales[k * stride], s1 = scales[(k + 1) * stride];
    float s2 = scales[(k + 2) * stride], s3 = scales[(k + 3) * stride];
    for (int64_t c = 0; c < width; ++c)
      to[c] += (s0 * r0[c] + s1 * r1[c]) + (s2 * r2[c] + s3 * r3[c]);
  }
  for (; k < count; ++k)
    for (int64_t c = 0; c < width; ++c)
      to[c] += scales[k * stride] * rows[k * width + c];
}

namespace {
/// Eigenvalues and, by columns, eigenvectors of a symmetric matrix: Jacobi's rotations.
void diagonalize(std::vector<double> &a, std::vector<double> &vectors, int64_t n) {
  vectors.assign(n * n, 0);
  for (int64_t i = 0; i < n; ++i)
    vectors[i * n + i] = 1;
  double scale = 0;
  for (double value : a)
    scale += value * value;
  for (int sweep = 0; sweep < 30; ++sweep) {
    double rest = 0;
    for (int64_t i = 0; i < n; ++i)
      for (int64_t j = 0; j < i; ++j)
        rest += a[i * n + j] * a[i * n + j];
    if (!(rest > 1e-18 * scale))
      return;
    for (int64_t p = 0; p < n; ++p)
      for (int64_t q = p + 1; q < n; ++q) {
        double off = a[p * n + q];
        if (off * off < 1e-24 * scale / (n * n))
          continue;
        double theta = (a[q * n + q] - a[p * n + p]) / (2 * off);
        double t = (theta < 0 ? -1 : 1) / (std::fabs(theta) + std::sqrt(theta * theta + 1));
        double c = 1 / std::sqrt(t * t + 1), s = t * c;
        auto rotate = [&](double &x, double &y) {
          double old = x;
          x = c * old - s * y;
          y = s * old + c * y;
        };
        for (int64_t k = 0; k < n; ++k)
          rotate(a[k * n + p], a[k * n + q]);
        for (int64_t k = 0; k < n; ++k)
          rotate(a[p * n + k], a[q * n + k]);
        // Rows of what is returned are the vectors until the end, for the cache.
        for (int64_t k = 0; k < n; ++k)
          rotate(vectors[p * n + k], vectors[q * n + k]);
      }
  }
}

/// The eigenvectors of rows^T rows, [width, width], as columns by falling eigenvalue; with
/// `isScaled` each divided by the root of it, so that rows times it is orthonormal.
std::vector<float> getRotation(ArrayRef<float> rows, int64_t width, bool isScaled) {
  int64_t count = rows.size() / width;
  std::vector<float> gram(width * width);
  for (int64_t i = 0; i < width; ++i)
    winnow::addScaledRows(MutableArrayRef(gram).slice(i * width, width), rows.data() + i, width,
                          rows.data(), count);
  std::vector<double> matrix(width * width), vectors;
  for (int64_t i = 0; i < width; ++i)
    for (int64_t j = 0; j < width; ++j)
      matrix[i * width + j] = (double(gram[i * width + j]) + gram[j * width + i]) / 2;
  diagonalize(matrix, vectors, width);
  auto order = to_vector(seq<int64_t>(width));
  stable_sort(order,
              [&](int64_t a, int64_t b) { return matrix[a * width + a] > matrix[b * width + b]; });
  double least = 1e-10 * std::max(matrix[order[0] * width + order[0]], 0.0);
  std::vector<float> rotation(width * width);
  for (auto [to, from] : enumerate(order)) {
    double value = matrix[from * width + from];
    double scale = !(value > least) ? 0 : isScaled ? 1 / std::sqrt(value) : 1;
    for (int64_t k = 0; k < width; ++k)
      rotation[k * width + to] = static_cast<float>(vectors[from * width + k] * scale);
  }
  return rotation;
}

/// a b, [rows of a, columns of b].
std::vector<float> multiply(ArrayRef<float> a, ArrayRef<float> b, int64_t inner) {
  int64_t rows = a.size() / inner, columns = b.size() / inner;
  std::vector<float> result(rows * columns);
  for (int64_t i = 0; i < rows; ++i)
    winnow::addScaledRows(MutableArrayRef(result).slice(i * columns, columns), &a[i * inner], 1,
                          b.data(), inner);
  return result;
}

/// (rows - mean) basis, where the basis is [columns, width].
std::vector<float> projectOn(ArrayRef<float> rows, ArrayRef<float> mean, ArrayRef<float> basis) {
  std::vector<float> origin = multiply(mean, basis, mean.size());
  std::vector<float> result = multiply(rows, basis, mean.size());
  for (size_t i = 0; i < result.size(); ++i)
    result[i] -= origin[i % origin.size()];
  return result;
}

std::vector<float> transpose(ArrayRef<float> matrix, int64_t columns) {
  int64_t rows = matrix.size() / columns;
  std::vector<float> result(matrix.size());
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t j = 0; j < columns; ++j)
      result[j * rows + i] = matrix[i * columns + j];
  return result;
}
} // namespace

std::vector<float> winnow::Directions::project(ArrayRef<float> rows) const {
  return projectOn(rows, mean, transpose(vectors, columns));
}

winnow::Directions winnow::findDirections(ArrayRef<float> rows, int64_t columns, int64_t rank) {
  int64_t count = rows.size() / columns;
  Directions found{columns, rank, {}, {}};
  std::vector<double> sums(columns);
  for (int64_t i = 0; i < count; ++i)
    for (int64_t j = 0; j < columns; ++j)
      sums[j] += rows[i * columns + j];
  for (double sum : sums)
    found.mean.push_back(static_cast<float>(sum / count));

  // A few more than are wanted: those at the border converge slowly.
  int64_t width = std::min(rank + 8, columns);
  std::mt19937_64 random(0);
  std::vector<float> basis(columns * width);
  for (float &value : basis)
    value = static_cast<float>(static_cast<int64_t>(random() >> 40) - (1 << 23)) * 0x1p-23f;
  constexpr int kSteps = 2;
  for (int step = 0; step <= kSteps; ++step) {
    std::vector<float> seen = projectOn(rows, found.mean, basis); // [count, width]
    std::vector<float> total(width);
    for (size_t i = 0; i < seen.size(); ++i)
      total[i % width] += seen[i];
    // (rows - mean)^T seen: a part of the columns at a time, so that it stays in the cache.
    std::vector<float> next(columns * width);
    constexpr int64_t kPart = 64, kRows = 64;
    for (int64_t first = 0; first < columns; first += kPart)
      for (int64_t row = 0; row < count; row += kRows)
        for (int64_t j = first; j < std::min(first + kPart, columns); ++j)
          addScaledRows(MutableArrayRef(next).slice(j * width, width), &rows[row * columns + j],
                        columns, &seen[row * width], std::min(kRows, count - row));
    for (int64_t j = 0; j < columns; ++j)
      for (int64_t c = 0; c < width; ++c)
        next[j * width + c] -= found.mean[j] * total[c];
    basis = multiply(next, getRotation(next, width, /*isScaled=*/true), width);
  }
  // Of the space, its own directions in their order.
  std::vector<float> seen = projectOn(rows, found.mean, basis);
  basis = multiply(basis, getRotation(seen, width, /*isScaled=*/false), width);
  found.vectors = transpose(basis, width);
  found.vectors.resize(rank * columns);
  return found;
}
