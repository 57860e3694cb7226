//===- Sequences.cpp - Sequences and optionals inside the graph -----------===//
//
// A sequence is a list of values that only the importer sees. A position that
// data gives chooses among the values that may be there.
//
//===----------------------------------------------------------------------===//

#include "Numbers.h"
#include "OpTable.h"

using namespace mlir;

namespace winnow::import {

/// Longer lists would become as many operations.
static constexpr size_t kMaxElements = 4096;

using Element = std::shared_ptr<ImportedValue>;

//===----------------------------------------------------------------------===//
// Elements
//===----------------------------------------------------------------------===//

static Element makeElement(Value value) {
  auto element = std::make_shared<ImportedValue>();
  element->value = value;
  element->type = cast<RankedTensorType>(value.getType());
  return element;
}

static Element makeElement(const KnownTensor &known) {
  auto element = std::make_shared<ImportedValue>();
  element->known = known;
  element->type = RankedTensorType::get(known.shape, known.elementType);
  return element;
}

/// The input as a sequence whose elements can be read; null with an error.
static const Sequence *getSequence(OpImporter &n, size_t i) {
  const Sequence *sequence = n.sequence(i);
  if (!sequence)
    n.invalid("expected a sequence as input " + Twine(i) + ", got " + n.describeKind(i));
  else if (sequence->isOpen)
    n.unsupported("it reads a sequence that its loop carries",
                  "only appending to such a sequence is supported");
  return n.failed() ? nullptr : sequence;
}

/// The same for operators that need to know how long it is.
static const Sequence *getList(OpImporter &n, size_t i) {
  const Sequence *sequence = getSequence(n, i);
  if (sequence && sequence->stack)
    n.unsupported("a sequence of " + n.text(n.dims(sequence->stack)[0]) + " elements",
                  "fix the dimension with --dim NAME=SIZE");
  return n.failed() ? nullptr : sequence;
}

/// An input that is to be an element.
static Element getElement(OpImporter &n, size_t i, Type elementType) {
  if (elementType && n.elementType(i) != elementType)
    n.invalid("expected elements of " + getDtypeName(elementType) + " in input " + Twine(i) +
              ", got " + getDtypeName(n.elementType(i)));
  return n.failed() ? nullptr : n.share(i);
}

/// One of the candidates, whose number `index` is a tensor of rank 0.
static Element choose(OpImporter &n, ArrayRef<Element> candidates, Value index) {
  SmallVector<Value> values;
  for (const Element &candidate : candidates)
    values.push_back(n.materialize(*candidate));
  if (n.failed())
    return nullptr;
  if (llvm::all_equal(values))
    return candidates.front();
  MLIRContext *context = n.b.getContext();
  Dims common = n.dims(values.front());
  SmallVector<Dims> shapes;
  bool areEqual = true;
  for (Value value : values) {
    shapes.push_back(n.dims(value));
    areEqual &= shapes.back() == common;
    if (shapes.back().size() != common.size()) {
      n.unsupported("data chooses between tensors of ranks " + Twine(common.size()) + " and " +
                    Twine(shapes.back().size()));
      return nullptr;
    }
  }
  if (areEqual) {
    Dims single(common);
    single.insert(single.begin(), n.constant(1));
    for (Value &value : values)
      value = n.reshape(value, single);
    Value all = n.concat(values, 0);
    Value chosen = n.failed() ? Value() : n.make<GatherOp>(all, index, 0);
    return chosen ? makeElement(chosen) : nullptr;
  }
  // All elements of all candidates in a row; sizes and the start are looked up.
  auto lookUp = [&](ArrayRef<AffineExpr> table) {
    int64_t size = table.size();
    Value known =
        n.makeKnown(KnownTensor{n.b.getI64Type(), {size}, SmallVector<AffineExpr>(table)});
    return n.failed() ? Value() : n.make<GatherOp>(known, index, 0);
  };
  for (size_t d = 0; d < common.size(); ++d) {
    SmallVector<AffineExpr> sizes;
    for (const Dims &shape : shapes)
      sizes.push_back(shape[d]);
    if (!llvm::all_equal(sizes))
      common[d] = n.bindSize(lookUp(sizes), "size." + Twine(d), nullptr);
  }
  SmallVector<AffineExpr> starts;
  AffineExpr start = n.constant(0);
  for (auto [value, shape] : llvm::zip_equal(values, shapes)) {
    AffineExpr count = normalizeDim(getNumElements(shape, context));
    value = n.reshape(value, {count});
    starts.push_back(start);
    start = normalizeDim(start + count);
  }
  Value row = n.concat(values, 0);
  AffineExpr count = normalizeDim(getNumElements(common, context));
  Value positions = Numbers(n).add(lookUp(starts), n.iota(count, n.b.getI64Type()));
  Value chosen = n.failed() ? Value() : n.reshape(n.make<GatherOp>(row, positions, 0), common);
  return chosen ? makeElement(chosen) : nullptr;
}

namespace {
/// A position in [0, size): a number, or a value of rank 0 that is one.
struct Position {
  std::optional<int64_t> number;
  Value value;
};
} // namespace

/// The position in input `i`, which counts from the end of `size` elements where
/// it is negative.
static Position getPosition(OpImporter &n, size_t i, int64_t size, int64_t limit) {
  Position position;
  n.checkIntegers(i);
  if (n.failed())
    return position;
  if (n.known(i) && n.known(i)->getConstants()) {
    SmallVector<int64_t> numbers = n.constants(i, "position");
    if (numbers.size() != 1 || numbers[0] < -size || numbers[0] >= limit)
      n.invalid("expected one position in [" + Twine(-size) + ", " + Twine(limit) + ")" +
                (numbers.size() == 1 ? ", got " + std::to_string(numbers[0]) : ""));
    else
      position.number = numbers[0] < 0 ? numbers[0] + size : numbers[0];
    return position;
  }
  Numbers m(n);
  position.value = m.wrap(m.scalar(i), m.constant(size));
  m.require(n.make<AndOp>(m.less(m.constant(-1), position.value),
                          m.less(position.value, m.constant(limit))));
  return position;
}

//===----------------------------------------------------------------------===//
// Making and changing sequences
//===----------------------------------------------------------------------===//

static void importSequenceEmpty(OpImporter &n) {
  Sequence sequence;
  sequence.elementType = n.getDataType(n.intAttr("dtype", onnx::TensorProto::FLOAT));
  n.set(std::move(sequence));
}

static void importSequenceConstruct(OpImporter &n) {
  Sequence sequence;
  for (size_t i = 0; i < n.numInputs() && !n.failed(); ++i) {
    sequence.elements.push_back(getElement(n, i, sequence.elementType));
    if (!n.failed())
      sequence.elementType = n.elementType(0);
  }
  n.set(std::move(sequence));
}

static void importSequenceInsert(OpImporter &n) {
  const Sequence *before = n.sequence(0);
  // At the end of what is not seen.
  if (!before || !before->isOpen || n.has(2))
    before = getList(n, 0);
  Element element = before ? getElement(n, 1, before->elementType) : nullptr;
  if (!element)
    return;
  int64_t size = before->elements.size();
  Position position{size, Value()};
  if (n.has(2))
    position = getPosition(n, 2, size, size + 1);
  if (n.failed())
    return;
  Sequence result = *before;
  if (position.number) {
    result.elements.insert(result.elements.begin() + *position.number, element);
    return n.set(std::move(result));
  }
  Numbers m(n);
  result.elements.clear();
  for (int64_t k = 0; k <= size && !n.failed(); ++k) {
    // What was there, what is new, or what was before.
    SmallVector<Element> candidates;
    Value which = m.constant(0), here = m.constant(k);
    auto add = [&](const Element &candidate, Value isIt) {
      which = m.select(isIt, m.constant(candidates.size()), which);
      candidates.push_back(candidate);
    };
    add(element, m.equal(position.value, here));
    if (k < size)
      add(before->elements[k], m.less(here, position.value));
    if (k > 0)
      add(before->elements[k - 1], m.less(position.value, here));
    result.elements.push_back(choose(n, candidates, which));
  }
  n.set(std::move(result));
}

static void importSequenceErase(OpImporter &n) {
  const Sequence *before = getList(n, 0);
  if (!before)
    return;
  int64_t size = before->elements.size();
  if (size == 0)
    return n.invalid("expected a sequence of at least one element, got none");
  Position position{size - 1, Value()};
  if (n.has(1))
    position = getPosition(n, 1, size, size);
  if (n.failed())
    return;
  Sequence result = *before;
  if (position.number) {
    result.elements.erase(result.elements.begin() + *position.number);
    return n.set(std::move(result));
  }
  Numbers m(n);
  result.elements.pop_back();
  for (int64_t k = 0; k + 1 < size && !n.failed(); ++k) {
    Value isBehind = m.less(m.constant(k), position.value);
    result.elements[k] = choose(n, {before->elements[k], before->elements[k + 1]},
                                m.select(isBehind, m.constant(0), m.constant(1)));
  }
  n.set(std::move(result));
}

/// `count` elements of an input from `start` along an axis, as they are known.
static Element takePart(OpImporter &n, int64_t axis, AffineExpr start, AffineExpr count,
                        bool keepdims) {
  Dims dims = n.dims(0);
  dims[axis] = count;
  if (!keepdims)
    dims.erase(dims.begin() + axis);
  std::optional<int64_t> first = getConstantDim(start), number = getConstantDim(count);
  if (const KnownTensor *known = n.known(0); known && first && number)
    if (std::optional<KnownTensor> part = sliceKnown(*known, axis, *first, *number)) {
      if (!keepdims)
        part->shape.erase(part->shape.begin() + axis);
      return makeElement(*part);
    }
  Value part = n.reshape(n.sliceDim(n.in(0), axis, start, count), dims);
  return part ? makeElement(part) : nullptr;
}

/// Parts of `size` elements each along an axis, whose number is dynamic.
static void setStack(OpImporter &n, int64_t axis, AffineExpr size, bool keepdims) {
  Dims apart = n.dims(0);
  AffineExpr count = divideDim(apart[axis], size);
  if (!count)
    return n.unsupported("dimension " + n.text(apart[axis]) + " in parts of " + n.text(size) +
                             " elements",
                         "fix the dimension with --dim NAME=SIZE");
  apart[axis] = size;
  if (!keepdims)
    apart.erase(apart.begin() + axis);
  apart.insert(apart.begin() + axis, count);
  SmallVector<int64_t> permutation = llvm::to_vector(llvm::seq<int64_t>(0, apart.size()));
  std::rotate(permutation.begin(), permutation.begin() + axis, permutation.begin() + axis + 1);
  Sequence sequence;
  sequence.elementType = n.elementType(0);
  sequence.stack = n.transpose(n.reshape(n.in(0), apart), permutation);
  n.set(std::move(sequence));
}

static void importSplitToSequence(OpImporter &n) {
  int64_t axis = n.normalizeAxis(n.intAttr("axis", 0), n.rank(0));
  // A split keeps the dimension.
  bool keepdims = n.has(1) || n.intAttr("keepdims", 1);
  if (n.failed())
    return;
  AffineExpr dim = n.dims(0)[axis];
  SmallVector<AffineExpr> sizes;
  if (n.has(1) && n.rank(1) == 1) {
    if (!getConstantDim(n.dims(1)[0]))
      return n.unsupported("a sequence of " + n.text(n.dims(1)[0]) + " parts of any size",
                           "fix the dimension with --dim NAME=SIZE");
    sizes = n.sizes(1, "split");
    AffineExpr sum = n.constant(0);
    for (AffineExpr size : sizes) {
      if (n.symbols.isNonNegative(size) == false)
        return n.invalid("expected sizes of 0 or more, got " + n.text(sizes));
      sum = sum + size;
    }
    if (!n.unify(dim, sum, "the dimension and the sum of the sizes"))
      return;
  } else {
    int64_t part = 1;
    if (n.has(1)) {
      SmallVector<int64_t> given = n.constants(1, "size");
      if (n.failed())
        return;
      if (given.size() != 1 || given[0] < 1)
        return n.invalid("expected a split of one size above 0 or of rank 1");
      part = given[0];
    }
    std::optional<int64_t> size = getConstantDim(dim);
    if (!size || *size / part >= static_cast<int64_t>(kMaxElements))
      return setStack(n, axis, n.constant(part), keepdims);
    for (int64_t start = 0; start < *size; start += part)
      sizes.push_back(n.constant(std::min(part, *size - start)));
  }
  Sequence sequence;
  sequence.elementType = n.elementType(0);
  AffineExpr start = n.constant(0);
  for (AffineExpr size : sizes) {
    sequence.elements.push_back(takePart(n, axis, start, size, keepdims));
    start = normalizeDim(start + size);
  }
  n.set(std::move(sequence));
}

//===----------------------------------------------------------------------===//
// Reading sequences
//===----------------------------------------------------------------------===//

static void importSequenceLength(OpImporter &n) {
  const Sequence *sequence = getSequence(n, 0);
  if (!sequence)
    return;
  AffineExpr size =
      sequence->stack ? n.dims(sequence->stack)[0] : n.constant(sequence->elements.size());
  n.setKnown(KnownTensor{n.b.getI64Type(), {}, {size}});
}

static void importSequenceAt(OpImporter &n) {
  const Sequence *sequence = getSequence(n, 0);
  if (!sequence)
    return;
  if (sequence->stack) {
    Value position = Numbers(n).scalar(1);
    return n.set(n.failed() ? Value() : n.make<GatherOp>(sequence->stack, position, 0));
  }
  int64_t size = sequence->elements.size();
  Position position = getPosition(n, 1, size, size);
  if (n.failed())
    return;
  if (position.number)
    return n.set(0, *sequence->elements[*position.number]);
  if (Element element = choose(n, sequence->elements, position.value))
    n.set(0, *element);
}

/// Elements one behind the other along dimension `axis` of the result, which is a
/// new one or the elements' own.
static void concatStack(OpImporter &n, Value stack, int64_t axis, bool isNew) {
  Dims dims = n.dims(stack);
  SmallVector<int64_t> permutation = llvm::to_vector(llvm::seq<int64_t>(0, dims.size()));
  std::rotate(permutation.begin(), permutation.begin() + 1, permutation.begin() + axis + 1);
  Value result = n.transpose(stack, permutation);
  if (n.failed() || isNew)
    return n.set(result);
  Dims apart = n.dims(result);
  AffineExpr joined = normalizeDim(apart[axis] * apart[axis + 1]);
  apart.erase(apart.begin() + axis);
  apart[axis] = joined;
  n.set(n.reshape(result, apart));
}

static void importConcatFromSequence(OpImporter &n) {
  const Sequence *sequence = getSequence(n, 0);
  int64_t axis = n.requiredIntAttr("axis");
  bool isNew = n.intAttr("new_axis", 0) != 0;
  if (n.failed())
    return;
  if (!sequence->stack && sequence->elements.empty())
    return n.invalid("expected a sequence of at least one element, got none");
  int64_t rank = sequence->stack ? n.dims(sequence->stack).size() - 1
                                 : sequence->elements.front()->type.getRank();
  axis = n.normalizeAxis(axis, rank + isNew);
  if (n.failed())
    return;
  if (sequence->stack)
    return concatStack(n, sequence->stack, axis, isNew);
  SmallVector<KnownTensor> known;
  for (const Element &element : sequence->elements) {
    if (element->type.getRank() != rank)
      return n.invalid("expected elements of one rank, got " + Twine(rank) + " and " +
                       Twine(element->type.getRank()));
    if (element->known)
      known.push_back(*element->known);
  }
  if (known.size() == sequence->elements.size()) {
    SmallVector<const KnownTensor *> parts;
    for (KnownTensor &part : known) {
      if (isNew)
        part.shape.insert(part.shape.begin() + axis, 1);
      parts.push_back(&part);
    }
    if (std::optional<KnownTensor> joined = concatenate(parts, axis))
      return n.setKnown(joined);
  }
  SmallVector<Value> parts;
  for (const Element &element : sequence->elements) {
    Value part = n.materialize(*element);
    Dims dims = n.dims(part);
    if (isNew && part)
      dims.insert(dims.begin() + axis, n.constant(1));
    parts.push_back(isNew ? n.reshape(part, dims) : part);
  }
  n.set(n.concat(parts, axis));
}

//===----------------------------------------------------------------------===//
// Optionals
//===----------------------------------------------------------------------===//

static void importOptional(OpImporter &n) {
  if (n.has(0))
    return n.forward(0);
  if (!n.hasAttr("type"))
    return n.invalid("expected an input or a type, got none");
  n.setEmpty();
}

static void importOptionalHasElement(OpImporter &n) {
  bool isThere = n.has(0) && !n.isEmpty(0);
  n.setKnown(KnownTensor{n.b.getI1Type(), {}, {n.constant(isThere)}});
}

static void importOptionalGetElement(OpImporter &n) {
  if (n.isEmpty(0))
    return n.invalid("expected an optional with an element, got " + n.describeKind(0));
  n.forward(0);
}

ArrayRef<OpEntry> getSequenceOps() {
  static const OpEntry ops[] = {
      {"ConcatFromSequence", 11, kMaxOpset, 1, 1, importConcatFromSequence, 1, true},
      {"Optional", 15, kMaxOpset, 0, 1, importOptional, 1, true},
      {"OptionalGetElement", 15, kMaxOpset, 1, 1, importOptionalGetElement, 1, true},
      {"OptionalHasElement", 15, 17, 1, 1, importOptionalHasElement, 1, true},
      {"OptionalHasElement", 18, kMaxOpset, 0, 1, importOptionalHasElement, 1, true},
      {"SequenceAt", 11, kMaxOpset, 2, 2, importSequenceAt, 1, true},
      {"SequenceConstruct", 11, kMaxOpset, 1, kVariadic, importSequenceConstruct},
      {"SequenceEmpty", 11, kMaxOpset, 0, 0, importSequenceEmpty},
      {"SequenceErase", 11, kMaxOpset, 1, 2, importSequenceErase, 1, true},
      {"SequenceInsert", 11, kMaxOpset, 2, 3, importSequenceInsert, 1, true},
      {"SequenceLength", 11, kMaxOpset, 1, 1, importSequenceLength, 1, true},
      {"SplitToSequence", 11, kMaxOpset, 1, 2, importSplitToSequence},
  };
  return ops;
}

} // namespace winnow::import
