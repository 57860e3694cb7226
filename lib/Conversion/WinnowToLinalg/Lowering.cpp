#include "Lowering.h"

#include "winnow/Dialect/Winnow/IR/StorageTypes.h"

#include "mlir/IR/Iterators.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace winnow;

static func::FuncOp getEntry(OpBuilder &b) {
  Operation *parent = b.getInsertionBlock()->getParentOp();
  if (auto func = dyn_cast<func::FuncOp>(parent))
    return func;
  return parent->getParentOfType<func::FuncOp>();
}

//===----------------------------------------------------------------------===//
// Weights and sites
//===----------------------------------------------------------------------===//

Attribute winnow::getConstantPart(Value value) {
  TransposeOp moved;
  while (Operation *op = value.getDefiningOp()) {
    // A size that the data gives may be the constant's, or fail the run.
    if (!cast<RankedTensorType>(value.getType()).hasStaticShape())
      break;
    if (auto constant = dyn_cast<ConstantOp>(op)) {
      if (!moved)
        return constant.getValue();
      Builder b(op->getContext());
      return b.getArrayAttr({constant.getValue(),
                             b.getDenseI64ArrayAttr(moved.getInput().getType().getShape()),
                             b.getDenseI64ArrayAttr(moved.getPermutation())});
    }
    if (isa<TransposeOp>(op) && !moved)
      moved = cast<TransposeOp>(op);
    else if (!isa<ReshapeOp>(op))
      break;
    value = op->getOperand(0);
  }
  return nullptr;
}

/// Marks a view of the weights with its entry until offsets are known.
static constexpr llvm::StringLiteral kWeightEntry = "winnow.weight_entry";

int64_t WeightPlan::add(ArrayRef<Attribute> parts, DictionaryAttr layout, int64_t bytes) {
  auto parameters = ArrayAttr::get(layout.getContext(), parts);
  auto [it, inserted] = bytesOfEntry.insert({{parameters, layout}, bytes});
  return it - bytesOfEntry.begin();
}

Value WeightPlan::read(OpBuilder &b, Location loc, int64_t entry, RankedTensorType type) const {
  Value base = getEntry(b).getArgument(0);
  Value shift = arith::ConstantIndexOp::create(b, loc, 0);
  auto buffer = MemRefType::get(type.getShape(), type.getElementType());
  auto view = memref::ViewOp::create(b, loc, buffer, base, shift, ValueRange());
  view->setAttr(kWeightEntry, b.getI64IntegerAttr(entry));
  return bufferization::ToTensorOp::create(b, loc, type, view, /*restrict=*/true,
                                           /*writable=*/false);
}

/// The entry that has the rows of a dense one for its columns.
std::optional<int64_t> WeightPlan::findPanels(int64_t dense) const {
  auto [parts, layout] = (bytesOfEntry.begin() + dense)->first;
  for (auto [number, entry] : llvm::enumerate(bytesOfEntry)) {
    auto other = cast<DictionaryAttr>(entry.first.second);
    auto transposed = other.getAs<BoolAttr>("transposed");
    if (entry.first.first == parts && transposed && transposed.getValue() && !other.contains("bases"))
      return number;
  }
  return std::nullopt;
}

/// The gathers that read all of a table, or none where something else reads it too.
static SmallVector<KernelOp> getGathers(memref::ViewOp table) {
  SmallVector<KernelOp> gathers;
  SmallVector<Operation *> users(table->getUsers());
  while (!users.empty()) {
    Operation *user = users.pop_back_val();
    auto kernel = dyn_cast<KernelOp>(user);
    if (kernel && kernel.getKind() == "gather")
      gathers.push_back(kernel);
    else if (isa<bufferization::ToTensorOp, tensor::ExpandShapeOp>(user))
      users.append(user->user_begin(), user->user_end());
    else
      return {};
  }
  return gathers;
}

void WeightPlan::shareTables(ModuleOp module) const {
  llvm::MapVector<int64_t, SmallVector<KernelOp>> gathersOf;
  llvm::DenseSet<int64_t> isRead, others;
  module.walk([&](memref::ViewOp view) {
    auto entry = view->getAttrOfType<IntegerAttr>(kWeightEntry);
    if (!entry || view->use_empty())
      return;
    isRead.insert(entry.getInt());
    SmallVector<KernelOp> gathers = getGathers(view);
    bool isTable = view.getType().getRank() == 2 && view.getType().getElementType().isF32();
    if (!isTable || gathers.empty())
      others.insert(entry.getInt());
    gathersOf[entry.getInt()].append(gathers);
  });
  for (auto &[entry, gathers] : gathersOf) {
    std::optional<int64_t> panels = findPanels(entry);
    if (!panels || others.contains(entry) || !isRead.contains(*panels))
      continue;
    auto layout = cast<DictionaryAttr>((bytesOfEntry.begin() + *panels)->first.second);
    auto number = [&](StringRef name) { return layout.getAs<IntegerAttr>(name).getInt(); };
    int64_t n = number("n"), k = number("k"), nr = number("nr");
    for (KernelOp gather : gathers) {
      auto rows = cast<RankedTensorType>(gather.getInputs()[0].getType());
      if (rows.getShape() != ArrayRef<int64_t>{1, n, k})
        continue;
      OpBuilder b(gather);
      auto type = RankedTensorType::get({int64_t(llvm::divideCeil(n, nr)), k, nr}, b.getF32Type());
      gather.getInputsMutable()[0].set(this->read(b, gather.getLoc(), *panels, type));
      gather.setConfigAttr(b.getDictionaryAttr(b.getNamedAttr("n", b.getI64IntegerAttr(n))));
    }
  }
}

ArrayAttr WeightPlan::layOut(ModuleOp module) const {
  module.walk<WalkOrder::PostOrder, ReverseIterator>([](Operation *op) {
    if (isOpTriviallyDead(op))
      op->erase();
  });
  OpBuilder b(module.getContext());
  llvm::MapVector<int64_t, int64_t> offsets;
  int64_t end = 0;
  module.walk([&](memref::ViewOp view) {
    auto entry = view->getAttrOfType<IntegerAttr>(kWeightEntry);
    if (!entry)
      return;
    view->removeAttr(kWeightEntry);
    auto [it, inserted] = offsets.insert({entry.getInt(), end});
    if (inserted)
      end = llvm::alignTo(end + (bytesOfEntry.begin() + entry.getInt())->second, 64);
    b.setInsertionPoint(view);
    view.getByteShiftMutable().assign(
        arith::ConstantIndexOp::create(b, view.getLoc(), it->second));
  });
  SmallVector<Attribute> attrs;
  for (auto [entry, offset] : offsets) {
    const auto &[key, bytes] = *(bytesOfEntry.begin() + entry);
    attrs.push_back(b.getDictionaryAttr({b.getNamedAttr("offset", b.getI64IntegerAttr(offset)),
                                         b.getNamedAttr("bytes", b.getI64IntegerAttr(bytes)),
                                         b.getNamedAttr("parts", key.first),
                                         b.getNamedAttr("layout", key.second)}));
  }
  return b.getArrayAttr(attrs);
}

int32_t SiteTable::add(Location loc, const Twine &message) {
  std::string node = "unknown";
  loc->walk([&](Location inner) {
    if (auto name = dyn_cast<NameLoc>(inner)) {
      node = name.getName().str();
      return WalkResult::interrupt();
    }
    return WalkResult::advance();
  });
  sites.emplace_back(node, message.str());
  return static_cast<int32_t>(sites.size() - 1);
}

ArrayAttr SiteTable::getEntries(MLIRContext *context) const {
  Builder b(context);
  SmallVector<Attribute> attrs;
  for (const auto &[node, message] : sites)
    attrs.push_back(b.getDictionaryAttr({b.getNamedAttr("node", b.getStringAttr(node)),
                                         b.getNamedAttr("message", b.getStringAttr(message))}));
  return b.getArrayAttr(attrs);
}

//===----------------------------------------------------------------------===//
// Sizes and types
//===----------------------------------------------------------------------===//

Value winnow::getSize(OpBuilder &b, Location loc, AffineExpr dim) {
  if (std::optional<int64_t> constant = getConstantDim(dim))
    return arith::ConstantIndexOp::create(b, loc, *constant);
  func::FuncOp entry = getEntry(b);
  unsigned numSymbols = getSymbols(entry).size();
  if (auto symbol = dyn_cast<AffineSymbolExpr>(dim))
    return entry.getArgument(1 + symbol.getPosition());
  SmallVector<Value> operands(entry.getArguments().slice(1, numSymbols));
  auto map = AffineMap::get(0, numSymbols, dim);
  affine::canonicalizeMapAndOperands(&map, &operands);
  return affine::AffineApplyOp::create(b, loc, map, operands);
}

OpFoldResult winnow::getFoldedSize(OpBuilder &b, Location loc, AffineExpr dim) {
  if (std::optional<int64_t> constant = getConstantDim(dim))
    return b.getIndexAttr(*constant);
  return getSize(b, loc, dim);
}

Dims winnow::splitAtAxis(ArrayRef<AffineExpr> dims, size_t axis, MLIRContext *context) {
  return {productDim(dims.take_front(axis), context), dims[axis],
          productDim(dims.drop_front(axis + 1), context)};
}

Type winnow::convertElementType(Type type) {
  if (isStorageType(type))
    return IntegerType::get(type.getContext(), 8);
  if (auto integer = dyn_cast<IntegerType>(type))
    return IntegerType::get(type.getContext(), integer.getWidth());
  return type;
}

RankedTensorType winnow::convertTensorType(RankedTensorType type) {
  return RankedTensorType::get(type.getShape(), convertElementType(type.getElementType()));
}

RankedTensorType winnow::getPlainType(ArrayRef<AffineExpr> dims, Type element) {
  SmallVector<int64_t> shape;
  for (AffineExpr dim : dims)
    shape.push_back(getConstantDim(dim).value_or(ShapedType::kDynamic));
  return RankedTensorType::get(shape, element);
}

Value winnow::createEmpty(OpBuilder &b, Location loc, ArrayRef<AffineExpr> dims, Type element) {
  SmallVector<Value> sizes;
  for (AffineExpr dim : dims)
    if (!getConstantDim(dim))
      sizes.push_back(getSize(b, loc, dim));
  return tensor::EmptyOp::create(b, loc, getPlainType(dims, element), sizes);
}

//===----------------------------------------------------------------------===//
// Reshape
//===----------------------------------------------------------------------===//

namespace {
/// `from` dimensions [fromBegin, fromEnd) hold the same elements as `to`
/// dimensions [toBegin, toEnd).
struct Group {
  size_t fromBegin, fromEnd, toBegin, toEnd;
};
} // namespace

/// Splits both shapes in the smallest groups of equal element count.
static SmallVector<Group> groupDims(ArrayRef<AffineExpr> from, ArrayRef<AffineExpr> to,
                                    unsigned numSymbols, MLIRContext *context) {
  SmallVector<Group> groups;
  size_t i = 0, j = 0;
  while (i < from.size() && j < to.size()) {
    std::optional<Group> best;
    for (size_t total = 2; total <= from.size() - i + to.size() - j && !best; ++total)
      for (size_t a = 1; a < total && a <= from.size() - i; ++a) {
        size_t c = total - a;
        if (c > to.size() - j)
          continue;
        if (isSameDim(productDim(from.slice(i, a), context), productDim(to.slice(j, c), context),
                      numSymbols)) {
          best = Group{i, i + a, j, j + c};
          break;
        }
      }
    // The totals are equal, so the last group always closes; if simplification
    // cannot see it, everything left is one group.
    if (!best)
      best = Group{i, from.size(), j, to.size()};
    i = best->fromEnd;
    j = best->toEnd;
    groups.push_back(*best);
  }
  // What is left on one side are ones; they join the last group.
  if (!groups.empty()) {
    groups.back().fromEnd = from.size();
    groups.back().toEnd = to.size();
  }
  return groups;
}

/// The value is a part of another: its buffer has gaps.
static bool isSliced(Value value) {
  while (Operation *op = value.getDefiningOp()) {
    if (isa<tensor::ExtractSliceOp>(op))
      return true;
    if (!isa<tensor::ExpandShapeOp, tensor::CollapseShapeOp, tensor::CastOp>(op))
      return false;
    value = op->getOperand(0);
  }
  return false;
}

/// Drops the dimensions of size 1 that `dims` holds, as a slice: a collapse
/// would lose the strides of a view.
static Value dropUnitDims(OpBuilder &b, Location loc, Value input, ArrayRef<AffineExpr> dims,
                          Dims &kept) {
  SmallVector<OpFoldResult> offsets(dims.size(), b.getIndexAttr(0)), sizes;
  SmallVector<OpFoldResult> strides(dims.size(), b.getIndexAttr(1));
  for (AffineExpr dim : dims) {
    sizes.push_back(getFoldedSize(b, loc, dim));
    if (!isConstantDim(dim, 1))
      kept.push_back(dim);
  }
  return tensor::ExtractSliceOp::create(b, loc, getPlainType(kept, getElementTypeOrSelf(input)),
                                        input, offsets, sizes, strides);
}

/// A reshape whose numbers of elements are equal only because data says so.
static Value reshapeThroughVector(OpBuilder &b, Location loc, Value input,
                                  ArrayRef<AffineExpr> from, ArrayRef<AffineExpr> to) {
  Type element = getElementTypeOrSelf(input);
  auto vector = RankedTensorType::get({ShapedType::kDynamic}, element);
  auto all = [](size_t rank) {
    return SmallVector<ReassociationIndices>{llvm::to_vector(llvm::seq<int64_t>(0, rank))};
  };
  if (from.empty())
    input = tensor::FromElementsOp::create(
        b, loc, RankedTensorType::get({1}, element),
        tensor::ExtractOp::create(b, loc, input, ValueRange()).getResult());
  else if (from.size() > 1)
    input = tensor::CollapseShapeOp::create(b, loc, input, all(from.size()));
  if (to.empty()) {
    Value zero = arith::ConstantIndexOp::create(b, loc, 0);
    return tensor::FromElementsOp::create(b, loc, RankedTensorType::get({}, element),
                                          tensor::ExtractOp::create(b, loc, input, zero).getResult());
  }
  if (input.getType() != vector)
    input = tensor::CastOp::create(b, loc, vector, input);
  RankedTensorType type = getPlainType(to, element);
  if (to.size() == 1)
    return type == vector ? input : tensor::CastOp::create(b, loc, type, input).getResult();
  SmallVector<OpFoldResult> sizes;
  for (AffineExpr dim : to)
    sizes.push_back(getFoldedSize(b, loc, dim));
  if (type.hasStaticShape())
    input = tensor::CastOp::create(b, loc, RankedTensorType::get({type.getNumElements()}, element), input);
  return tensor::ExpandShapeOp::create(b, loc, type, input, all(to.size()), sizes);
}

Value winnow::createReshape(OpBuilder &b, Location loc, Value input, ArrayRef<AffineExpr> from,
                            ArrayRef<AffineExpr> to) {
  MLIRContext *context = b.getContext();
  if (from == to)
    return input;
  // No elements: groups of dimensions would all have equal sizes.
  auto isZero = [](AffineExpr dim) { return isConstantDim(dim, 0); };
  if (llvm::any_of(from, isZero) || llvm::any_of(to, isZero))
    return createEmpty(b, loc, to, getElementTypeOrSelf(input));
  auto isUnit = [](AffineExpr dim) { return isConstantDim(dim, 1); };
  if (isSliced(input) && llvm::count_if(from, isUnit) > llvm::count_if(to, isUnit)) {
    Dims kept;
    Value dropped = dropUnitDims(b, loc, input, from, kept);
    return createReshape(b, loc, dropped, kept, to);
  }
  Type element = getElementTypeOrSelf(input);
  unsigned numSymbols = getSymbols(getEntry(b)).size();
  if (!isSameDim(productDim(from, context), productDim(to, context), numSymbols))
    return reshapeThroughVector(b, loc, input, from, to);
  SmallVector<ReassociationIndices> collapse, expand;
  Dims middle;
  bool collapses = false, expands = false;
  if (!from.empty() && !to.empty()) {
    for (const Group &group : groupDims(from, to, numSymbols, context)) {
      bool isCollapse = group.fromEnd - group.fromBegin > 1;
      bool isExpand = group.toEnd - group.toBegin > 1;
      collapses |= isCollapse;
      expands |= isExpand;
      collapse.push_back(llvm::to_vector(llvm::seq<int64_t>(group.fromBegin, group.fromEnd)));
      expand.push_back(llvm::to_vector(llvm::seq<int64_t>(group.toBegin, group.toEnd)));
      middle.push_back(isCollapse && isExpand
                           ? normalizeDim(productDim(
                                 from.slice(group.fromBegin, group.fromEnd - group.fromBegin), context))
                       : isCollapse ? to[group.toBegin]
                                    : from[group.fromBegin]);
    }
  } else {
    // Rank 0 on one side: all the other side's dimensions are ones.
    collapses = to.empty();
    expands = from.empty();
  }
  if (collapses)
    input = tensor::CollapseShapeOp::create(b, loc, getPlainType(middle, element), input, collapse);
  if (expands) {
    SmallVector<OpFoldResult> sizes;
    for (AffineExpr dim : to)
      sizes.push_back(getFoldedSize(b, loc, dim));
    input = tensor::ExpandShapeOp::create(b, loc, getPlainType(to, element), input, expand, sizes);
  }
  // Equal groups of one may differ in what is static.
  RankedTensorType type = getPlainType(to, element);
  if (input.getType() != type)
    input = tensor::CastOp::create(b, loc, type, input);
  return input;
}

//===----------------------------------------------------------------------===//
// Structured ops
//===----------------------------------------------------------------------===//

AffineMap winnow::getBroadcastMap(ArrayRef<AffineExpr> from, ArrayRef<AffineExpr> to,
                                  MLIRContext *context) {
  SmallVector<AffineExpr> results;
  size_t offset = to.size() - from.size();
  for (size_t i = 0; i < from.size(); ++i) {
    bool repeats = isConstantDim(from[i], 1) && !isConstantDim(to[offset + i], 1);
    results.push_back(repeats ? getAffineConstantExpr(0, context)
                              : getAffineDimExpr(offset + i, context));
  }
  return AffineMap::get(to.size(), 0, results, context);
}

Value winnow::createElementwise(
    OpBuilder &b, Location loc, ArrayRef<AffineExpr> dims, Type element, ValueRange inputs,
    ArrayRef<AffineMap> maps, function_ref<Value(OpBuilder &, Location, ValueRange)> body) {
  Value init = createEmpty(b, loc, dims, element);
  SmallVector<AffineMap> allMaps(maps);
  allMaps.push_back(b.getMultiDimIdentityMap(dims.size()));
  SmallVector<utils::IteratorType> iterators(dims.size(), utils::IteratorType::parallel);
  return linalg::GenericOp::create(
             b, loc, TypeRange{init.getType()}, inputs, ValueRange{init}, allMaps, iterators,
             [&](OpBuilder &nested, Location nestedLoc, ValueRange args) {
               linalg::YieldOp::create(nested, nestedLoc,
                                       body(nested, nestedLoc, args.drop_back()));
             })
      .getResult(0);
}

Value winnow::createKernel(OpBuilder &b, Location loc, StringRef kind,
                           ArrayRef<NamedAttribute> config, ValueRange inputs,
                           ArrayRef<AffineExpr> dims, Type element,
                           std::optional<int32_t> site) {
  Value init = createEmpty(b, loc, dims, element);
  auto op = KernelOp::create(b, loc, TypeRange{init.getType()}, b.getStringAttr(kind),
                             b.getDictionaryAttr(config), inputs, ValueRange{init},
                             site ? b.getI32IntegerAttr(*site) : IntegerAttr());
  return op.getResult(0);
}
