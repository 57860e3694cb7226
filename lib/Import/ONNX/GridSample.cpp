#include "Interpolation.h"
#include "Numbers.h"
#include "OpTable.h"

using namespace mlir;

namespace winnow::import {

namespace {

enum class Padding { Zeros, Border, Reflection };

/// One dimension of the image.
class Axis {
public:
  Axis(OpImporter &n, AffineExpr size, Type real, bool alignsCorners, Padding padding)
      : n(n), size(size), padding(padding), alignsCorners(alignsCorners), real(real) {
    length = n.convert(Numbers(n).size(size), real);
    one = n.scalar(real, 1);
    half = n.scalar(real, 0.5);
    last = n.make<SubOp>(length, one);
    least = n.scalar(real, alignsCorners ? 0 : -0.5);
    most = alignsCorners ? last : n.make<SubOp>(length, half);
  }

  /// From [-1, 1], the image's whole width, to pixels.
  Value toPixels(Value x) {
    Value scaled = n.make<AddOp>(x, one);
    if (alignsCorners)
      return n.make<MulOp>(n.make<MulOp>(scaled, half), last);
    return n.make<MulOp>(n.make<SubOp>(n.make<MulOp>(scaled, length), one), half);
  }

  /// A position outside the borders as the padding has it.
  Value bring(Value position) {
    if (n.failed() || padding == Padding::Zeros)
      return position;
    Value isLow = n.compare(ComparePredicate::LT, position, least);
    Value isHigh = n.compare(ComparePredicate::GT, position, most);
    if (padding == Padding::Border) {
      Value clamped = n.make<MaximumOp>(n.make<MinimumOp>(position, last), n.scalar(real, 0));
      return n.make<SelectOp>(n.make<OrOp>(isLow, isHigh), clamped, position);
    }
    // Mirrored at the near border, and on until it is inside.
    Value range = n.make<SubOp>(most, least), zero = n.scalar(real, 0);
    Value beyond = n.make<SelectOp>(isLow, n.make<SubOp>(least, position),
                                    n.make<SubOp>(position, most));
    Value times = n.make<FloorOp>(n.make<DivOp>(beyond, range));
    Value rest = n.make<SubOp>(beyond, n.make<MulOp>(times, range));
    Value pairs = n.make<MulOp>(n.make<FloorOp>(n.make<MulOp>(times, half)), n.scalar(real, 2));
    Value isEven = n.compare(ComparePredicate::EQ, times, pairs);
    // An even number of turns comes back on the side where it left.
    Value isFromLow = n.compare(ComparePredicate::EQ, n.convert(isLow, n.b.getI64Type()),
                                n.convert(isEven, n.b.getI64Type()));
    Value mirrored = n.make<SelectOp>(isFromLow, n.make<AddOp>(least, rest),
                                      n.make<SubOp>(most, rest));
    // One pixel with its corners aligned has no width to mirror in.
    mirrored = n.make<SelectOp>(n.compare(ComparePredicate::GT, range, zero), mirrored, zero);
    return n.make<SelectOp>(n.make<OrOp>(isLow, isHigh), mirrored, position);
  }

  SmallVector<Tap> getTaps(Value grid, StringRef mode) {
    Value position = toPixels(grid);
    SmallVector<Tap> taps;
    if (mode == "nearest")
      taps = {{bring(n.make<RoundOp>(position)), nullptr}};
    else if (mode == "linear")
      taps = getLinearTaps(n, bring(position));
    else // Each of the four pixels is brought to the border by itself.
      taps = getCubicTaps(n, padding == Padding::Border ? position : bring(position), -0.75);
    for (Tap &tap : taps) {
      if (padding == Padding::Zeros)
        tap = zeroOutside(n, tap, size);
      else if (padding == Padding::Reflection)
        tap.position = bring(tap.position);
    }
    return taps;
  }

private:
  OpImporter &n;
  AffineExpr size;
  Padding padding;
  bool alignsCorners;
  Type real;
  Value length, last, least, most, one, half;
};

} // namespace

/// Reads the image at positions in [-1, 1] that the grid gives, the last dimension
/// first. Before opset 20 the modes have the names of the 2-D ones.
static void importGridSample(OpImporter &n) {
  bool alignsCorners = n.intAttr("align_corners", 0);
  std::string mode = n.stringAttr("mode", n.opset < 20 ? "bilinear" : "linear");
  std::string paddingMode = n.stringAttr("padding_mode", "zeros");
  std::optional<Padding> padding = llvm::StringSwitch<std::optional<Padding>>(paddingMode)
                                       .Case("zeros", Padding::Zeros)
                                       .Case("border", Padding::Border)
                                       .Case("reflection", Padding::Reflection)
                                       .Default(std::nullopt);
  if (n.failed())
    return;
  if (mode == "bilinear" || mode == "bicubic")
    mode = mode.substr(2);
  if (mode != "linear" && mode != "nearest" && mode != "cubic")
    return n.invalid("expected mode linear, nearest or cubic, got '" + mode + "'");
  if (!padding)
    return n.invalid("expected padding_mode zeros, border or reflection, got '" + paddingMode + "'");
  int64_t rank = n.rank(0), spatial = rank - 2;
  if (spatial < 1 || spatial > 3 || n.rank(1) != rank)
    return n.invalid("expected an input of rank 3 to 5 and a grid of the same, got ranks " +
                     Twine(rank) + " and " + Twine(n.rank(1)));
  if (mode != "nearest" && n.elementType(0).isInteger(1))
    return n.unsupported("interpolation of booleans");
  if (!isa<FloatType>(n.elementType(1)))
    return n.invalid("expected a grid of floats, got " + getDtypeName(n.elementType(1)));
  Dims dims = n.dims(0), grid = n.dims(1);
  n.unify(grid[0], dims[0], "the batch sizes of input and grid");
  n.unify(grid.back(), n.constant(spatial), "the grid's last dimension and the number of the "
                                            "image's dimensions");
  PixelRows pixels = getPixelRows(n, n.in(0), n.constant(1));
  if (n.failed())
    return;
  Type real = getRealType(n, n.elementType(0), n.elementType(1));
  Value positions = n.convert(n.in(1), real);
  Dims points(ArrayRef(grid).drop_back());
  SmallVector<SmallVector<Tap>> taps;
  for (int64_t i = 0; i < spatial && !n.failed(); ++i) {
    Value own = n.sliceDim(positions, rank - 1, n.constant(spatial - 1 - i), n.constant(1));
    Axis axis(n, dims[i + 2], real, alignsCorners, *padding);
    taps.push_back(axis.getTaps(n.reshape(own, points), mode));
  }
  if (n.failed())
    return;
  Value image = countAlong(n, dims[0], 0, rank - 1, n.b.getI64Type()), sum;
  for (Value pixel : gatherTaps(n, pixels, image, taps))
    sum = sum ? n.make<AddOp>(sum, pixel) : pixel;
  // [batch, points..., channels] to [batch, channels, points...]
  SmallVector<int64_t> order = {0, rank - 1};
  llvm::append_range(order, llvm::seq<int64_t>(1, rank - 1));
  n.set(n.convert(n.transpose(sum, order), n.elementType(0)));
}

/// The positions in [-1, 1] that GridSample reads of an image of the given size after
/// an affine transformation.
static void importAffineGrid(OpImporter &n) {
  bool alignsCorners = n.intAttr("align_corners", 0);
  if (n.rank(0) != 3)
    return n.invalid("expected theta of rank 3, got rank " + Twine(n.rank(0)));
  Dims theta = n.dims(0);
  std::optional<int64_t> known = getConstantDim(theta[1]), sizes = getConstantDim(theta[2]);
  if (!known && sizes)
    known = *sizes - 1;
  if (!known && n.declaredRank)
    known = *n.declaredRank - 2;
  int64_t spatial = known.value_or(0);
  if (spatial != 2 && spatial != 3)
    return n.unsupported("theta of shape " + n.text(theta) +
                         ", which does not say whether there are 2 or 3 dimensions");
  n.unify(theta[1], n.constant(spatial), "theta's dimension 1 and the image's dimensions");
  n.unify(theta[2], n.constant(spatial + 1), "theta's dimension 2 and the image's dimensions and 1");
  SmallVector<AffineExpr> size = n.sizes(1, "size", spatial + 2);
  if (n.failed())
    return;
  if (static_cast<int64_t>(size.size()) != spatial + 2)
    return n.invalid("expected " + Twine(spatial + 2) + " sizes, got " + Twine(size.size()));
  n.unify(size[0], theta[0], "the batch sizes of theta and of the size");
  Value matrix = n.widen(n.in(0));
  if (n.failed())
    return;
  Type real = getElementTypeOrSelf(matrix);
  int64_t rank = spatial + 1;
  AffineExpr one = n.constant(1);
  Dims points = {theta[0]}, single(rank, one);
  points.append(size.begin() + 2, size.end());
  single[0] = theta[0];
  Numbers m(n);
  auto number = [&](double value) { return n.scalar(real, value); };
  SmallVector<Value> coordinates;
  for (int64_t i = 0; i < spatial && !n.failed(); ++i) {
    // Of the last dimension first, as the columns of theta are.
    int64_t dim = spatial - 1 - i;
    Value length = n.convert(m.size(size[dim + 2]), real);
    Value index = countAlong(n, size[dim + 2], dim + 1, rank, real);
    Value twice = n.make<MulOp>(index, number(2));
    if (alignsCorners) {
      Value steps = n.make<MaximumOp>(n.make<SubOp>(length, number(1)), number(1));
      coordinates.push_back(n.make<SubOp>(n.make<DivOp>(twice, steps), number(1)));
    } else {
      Value middle = n.make<AddOp>(twice, number(1));
      coordinates.push_back(n.make<SubOp>(n.make<DivOp>(middle, length), number(1)));
    }
  }
  SmallVector<Value> rows;
  Dims column = points;
  column.push_back(one);
  for (int64_t row = 0; row < spatial && !n.failed(); ++row) {
    auto at = [&](int64_t i) {
      Value part = n.sliceDim(n.sliceDim(matrix, 1, n.constant(row), one), 2, n.constant(i), one);
      return n.reshape(part, single);
    };
    Value sum = at(spatial);
    for (auto [i, coordinate] : llvm::enumerate(coordinates))
      sum = n.make<AddOp>(n.make<MulOp>(at(i), coordinate), sum);
    rows.push_back(n.reshape(n.broadcastTo(sum, points), column));
  }
  n.set(n.convert(n.concat(rows, rank), n.elementType(0)));
}

ArrayRef<OpEntry> getGridSampleOps() {
  static const OpEntry ops[] = {{"AffineGrid", 20, kMaxOpset, 2, 2, importAffineGrid},
                                {"GridSample", 16, kMaxOpset, 2, 2, importGridSample}};
  return ops;
}

} // namespace winnow::import
