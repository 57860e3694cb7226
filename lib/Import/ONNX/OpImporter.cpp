#include "OpImporter.h"
#include "winnow/Dialect/Winnow/IR/StorageTypes.h"
#include "winnow/Support/Quote.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Verifier.h"
#include "llvm/ADT/SmallBitVector.h"
#include "llvm/Support/CheckedArithmetic.h"
#include "llvm/Support/Regex.h"

using namespace mlir;
using Attr = winnow::onnx::AttributeProto;

namespace winnow::import {

//===----------------------------------------------------------------------===//
// Errors
//===----------------------------------------------------------------------===//

void OpImporter::unsupported(const Twine &message, const Twine &hint) {
  if (!failed())
    failure = {Failure::Kind::Unsupported, makePrintable(message.str()), hint.str()};
}

void OpImporter::invalid(const Twine &message) {
  if (!failed())
    failure = {Failure::Kind::Invalid, makePrintable(message.str()), ""};
}

void OpImporter::capture(llvm::function_ref<void()> action) {
  ScopedDiagnosticHandler handler(b.getContext(), [&](Diagnostic &diagnostic) {
    if (diagnostic.getSeverity() == DiagnosticSeverity::Error)
      invalid(diagnostic.str());
    return success();
  });
  action();
}

//===----------------------------------------------------------------------===//
// Inputs
//===----------------------------------------------------------------------===//

StringRef ImportedValue::describeKind() const {
  return sequence ? "a sequence" : isEmpty ? "an empty optional" : "a tensor";
}

Value OpImporter::materialize(ImportedValue &input) {
  if (failed())
    return nullptr;
  if (!input.type) {
    invalid("expected a tensor, got " + input.describeKind());
    return nullptr;
  }
  if (input.value)
    return input.value;
  Value value;
  if (input.known) {
    value = makeKnown(*input.known);
  } else if (input.initializer) {
    std::string error;
    ElementsAttr attr = tensors.read(*input.initializer, input.name, error);
    if (!attr) {
      invalid("constant '" + input.name + "': " + error);
      return nullptr;
    }
    // A constant has its own name, not that of its first reader.
    auto name = NameLoc::get(b.getStringAttr(input.name));
    value = ConstantOp::create(b, name, attr.getType(), cast<TypedAttr>(attr));
  }
  // What a loop's body makes is not seen outside it.
  if (isa<func::FuncOp>(b.getInsertionBlock()->getParentOp()))
    input.value = value;
  return value;
}

const KnownTensor *OpImporter::known(size_t i) const {
  return has(i) && inputs[i]->known ? &*inputs[i]->known : nullptr;
}

bool OpImporter::areAllKnown() const {
  return llvm::all_of(inputs, [](ImportedValue *input) { return input && input->known; });
}

SmallVector<int64_t> OpImporter::constants(size_t i, StringRef what) {
  const KnownTensor *tensor = known(i);
  std::optional<SmallVector<int64_t>> values;
  if (tensor)
    values = tensor->getConstants();
  if (values)
    return *values;
  unsupported("the " + what + " of input " + Twine(i) + " depend on data or on dynamic dimensions",
              "constants are needed here; fix the dimensions with --dim NAME=SIZE");
  return {};
}

//===----------------------------------------------------------------------===//
// Attributes
//===----------------------------------------------------------------------===//

const Attr *OpImporter::find(StringRef name) const {
  for (const Attr &attr : node.attribute())
    if (StringRef(attr.name()) == name)
      return &attr;
  return nullptr;
}

template <typename T>
const Attr *OpImporter::findTyped(StringRef name, T type, const char *typeName) {
  const Attr *attr = find(name);
  if (attr && attr->type() != type) {
    invalid("expected attribute '" + name + "' of type " + typeName + ", got " +
            Attr::AttributeType_Name(attr->type()));
    return nullptr;
  }
  return attr;
}

int64_t OpImporter::intAttr(StringRef name, int64_t otherwise) {
  const Attr *attr = findTyped(name, Attr::INT, "INT");
  return attr ? attr->i() : otherwise;
}

int64_t OpImporter::requiredIntAttr(StringRef name) {
  if (!hasAttr(name))
    invalid("expected attribute '" + name + "', got none");
  return intAttr(name, 0);
}

double OpImporter::floatAttr(StringRef name, double otherwise) {
  const Attr *attr = findTyped(name, Attr::FLOAT, "FLOAT");
  return attr ? attr->f() : otherwise;
}

std::string OpImporter::stringAttr(StringRef name, StringRef otherwise) {
  const Attr *attr = findTyped(name, Attr::STRING, "STRING");
  return attr ? attr->s() : otherwise.str();
}

std::optional<SmallVector<int64_t>> OpImporter::intsAttr(StringRef name) {
  const Attr *attr = findTyped(name, Attr::INTS, "INTS");
  if (!attr)
    return std::nullopt;
  return SmallVector<int64_t>(attr->ints().begin(), attr->ints().end());
}

SmallVector<double> OpImporter::floatsAttr(StringRef name) {
  const Attr *attr = findTyped(name, Attr::FLOATS, "FLOATS");
  return attr ? SmallVector<double>(attr->floats().begin(), attr->floats().end())
              : SmallVector<double>();
}

SmallVector<std::string> OpImporter::stringsAttr(StringRef name) {
  const Attr *attr = findTyped(name, Attr::STRINGS, "STRINGS");
  return attr ? SmallVector<std::string>(attr->strings().begin(), attr->strings().end())
              : SmallVector<std::string>();
}

ElementsAttr OpImporter::read(const onnx::TensorProto &tensor) {
  std::string error;
  StringRef name = node.output_size() ? StringRef(node.output(0)) : "constant";
  ElementsAttr attr = tensors.read(tensor, name, error);
  if (!attr)
    invalid(error);
  return attr;
}

Type OpImporter::getDataType(int64_t dataType) {
  std::string error;
  // The attribute is an int64, the enum an int32.
  if (dataType != int32_t(dataType)) {
    invalid("expected a data type of 32 bits, got " + Twine(dataType));
    return nullptr;
  }
  Type type = import::getElementType(int32_t(dataType), b.getContext(), error);
  if (!type)
    unsupported(error);
  return type;
}

//===----------------------------------------------------------------------===//
// Outputs
//===----------------------------------------------------------------------===//

void OpImporter::set(size_t output, Value value) {
  if (failed() || !value)
    return;
  if (output >= outputs.size())
    return;
  outputs[output].value = value;
  outputs[output].type = cast<RankedTensorType>(value.getType());
}

void OpImporter::set(size_t output, const ImportedValue &value) {
  if (!failed() && output < outputs.size())
    outputs[output] = value;
}

void OpImporter::set(Sequence sequence) {
  if (failed())
    return;
  // Lists are copied as they change.
  numOps += sequence.elements.size();
  outputs[0].sequence = std::make_shared<const Sequence>(std::move(sequence));
}

void OpImporter::setKnown(const std::optional<KnownTensor> &known, size_t output) {
  if (failed() || !known || output >= outputs.size() || !checkSimple(known->elements))
    return;
  outputs[output].known = known;
  outputs[output].type = RankedTensorType::get(known->shape, known->elementType);
}

void OpImporter::setTensor(const onnx::TensorProto &tensor) {
  std::string error;
  if (!import::getElementType(tensor.data_type(), b.getContext(), error))
    return unsupported(error);
  RankedTensorType type = import::getTensorType(tensor, b.getContext(), error);
  if (!type)
    return invalid(error);
  outputs[0].type = type;
  outputs[0].initializer = &tensor;
  // Small integers may be shape arithmetic.
  if (isa<IntegerType>(type.getElementType()) && getSmallSize(type.getShape()))
    if (ElementsAttr elements = read(tensor))
      outputs[0].known = getKnownTensor(elements);
}

void OpImporter::setTensor(const onnx::SparseTensorProto &tensor) {
  std::string error;
  if (const onnx::TensorProto *dense = tensors.densify(tensor, error))
    return setTensor(*dense);
  invalid(error);
}

void OpImporter::forward(size_t input, size_t output) {
  if (failed() || output >= outputs.size())
    return;
  // A constant stays lazy; data is shared.
  if (!inputs[input]->initializer && !inputs[input]->known)
    in(input);
  outputs[output] = *inputs[input];
}

//===----------------------------------------------------------------------===//
// Facts
//===----------------------------------------------------------------------===//

int64_t OpImporter::normalizeAxis(int64_t axis, int64_t rank) {
  if (axis < -rank || axis >= rank) {
    invalid("expected an axis in [" + Twine(-rank) + ", " + Twine(rank) + "), got " + Twine(axis));
    return 0;
  }
  return axis < 0 ? axis + rank : axis;
}

SmallVector<int64_t> OpImporter::normalizeAxes(ArrayRef<int64_t> axes, int64_t rank) {
  SmallVector<int64_t> result;
  llvm::SmallBitVector seen(rank);
  for (int64_t axis : axes) {
    int64_t normalized = normalizeAxis(axis, rank);
    if (failed())
      return {};
    if (seen.test(normalized)) {
      invalid("expected distinct axes, got " + Twine(axis) + " twice");
      return {};
    }
    seen.set(normalized);
    result.push_back(normalized);
  }
  return result;
}

std::string OpImporter::why(const Twine &what) const {
  return ("node " + name + " (" + node.op_type() + ") needs " + what).str();
}

bool OpImporter::unify(AffineExpr x, AffineExpr y, const Twine &what) {
  if (failed())
    return false;
  std::string left = text(x), right = text(y);
  switch (symbols.unify(x, y, why(what + " to match"))) {
  case Symbols::Unification::Equal:
    return true;
  case Symbols::Unification::Restart:
    failure.kind = Failure::Kind::Restart;
    return false;
  case Symbols::Unification::Impossible:
    break;
  }
  std::string wanted = ("expected " + what + " to match, got " + left + " and " + right).str();
  if (symbols.isInBranch() && !areDifferent(x, y, symbols.getLive()))
    unsupported(wanted + ", in a branch that data decides on",
                "fix the dimension with --dim NAME=SIZE");
  else
    invalid(wanted);
  return false;
}

bool OpImporter::equate(AffineExpr x, AffineExpr y, const Twine &what) {
  if (failed())
    return false;
  bool isPossible = !areDifferent(x, y, symbols.getLive());
  if (isPossible) {
    switch (symbols.unify(x, y, why(what + " to match"))) {
    case Symbols::Unification::Equal:
      return true;
    case Symbols::Unification::Restart:
      failure.kind = Failure::Kind::Restart;
      return false;
    case Symbols::Unification::Impossible:
      break;
    }
  }
  if (!isPossible || (getConstantDim(x) && getConstantDim(y))) {
    invalid("expected " + what + " to match, got " + text(x) + " and " + text(y));
    return false;
  }
  if (checkSimple({x, y}))
    bind(makeKnown(KnownTensor{b.getI64Type(), {}, {x}}), y);
  return !failed();
}

AffineExpr OpImporter::divide(AffineExpr dividend, AffineExpr divisor, const Twine &what) {
  if (failed())
    return constant(1);
  if (AffineExpr exact = divideDim(dividend, divisor))
    return exact;
  AffineExpr x = normalizeDim(dividend), y = normalizeDim(divisor);
  cancelFactors(x, y);
  std::optional<int64_t> factor = getConstantDim(y);
  if (factor && (*factor < 1 || getConstantDim(x))) {
    invalid("expected " + what + " to be a multiple of " + text(divisor) + ", got " +
            text(dividend));
    return constant(1);
  }
  if (factor) {
    for (auto [i, symbol] : llvm::enumerate(symbols.getLive())) {
      std::optional<int64_t> coefficient = getLinearCoefficient(x, i);
      AffineExpr term = getAffineSymbolExpr(i, b.getContext()) * coefficient.value_or(1);
      if (!coefficient || !isConstantDim(normalizeDim(x - term), 0))
        continue;
      // What the coefficient and the divisor shared is cancelled.
      Symbols::Unification made = symbols.makeMultiple(
          i, *factor, why(what + " to be a multiple of " + text(divisor)));
      if (made == Symbols::Unification::Restart)
        failure.kind = Failure::Kind::Restart;
      else if (!symbol.isData)
        invalid("expected " + what + " to be a multiple of " + text(divisor) + ", got " +
                text(dividend) + "; there is no multiple of " + Twine(*factor) +
                " within the bounds of dimension " + quote(symbol.name));
      if (failed())
        return constant(1);
    }
  }
  if (!checkSimple({x, y}))
    return constant(1);
  auto number = [&](AffineExpr expr) {
    return makeKnown(KnownTensor{b.getI64Type(), {}, {expr}});
  };
  Value least = make<MaximumOp>(number(y), number(constant(1)));
  AffineExpr quotient = bindSize(make<DivOp>(number(x), least), "quotient", factor ? x.floorDiv(*factor) : x);
  return equate(quotient * divisor, dividend, what + " and the parts of it") ? quotient
                                                                             : constant(1);
}

Dims OpImporter::broadcast(ArrayRef<Dims> shapes) {
  Dims result;
  for (const Dims &shape : shapes)
    if (shape.size() > result.size())
      result.insert(result.begin(), shape.size() - result.size(), constant(1));
  for (const Dims &shape : shapes) {
    size_t offset = result.size() - shape.size();
    for (auto [i, dim] : llvm::enumerate(shape)) {
      AffineExpr &target = result[offset + i];
      if (isConstantDim(dim, 1))
        continue;
      if (!isConstantDim(target, 1) &&
          !equate(target, dim, "dimension " + Twine(offset + i) + " of the operands"))
        return result;
      // Of equal sizes the static one says most.
      if (isConstantDim(target, 1) || (getConstantDim(dim) && !getConstantDim(target)))
        target = dim;
    }
  }
  return result;
}

/// What is not 1 becomes what broadcasting made of it.
static void adoptDims(MutableArrayRef<AffineExpr> dims, ArrayRef<AffineExpr> common) {
  for (auto [dim, equal] : llvm::zip_equal(dims, common.take_back(dims.size())))
    if (!isConstantDim(dim, 1))
      dim = equal;
}

Value OpImporter::adopt(Value operand, ArrayRef<AffineExpr> common) {
  if (failed())
    return nullptr;
  Dims result = getDims(operand);
  adoptDims(result, common);
  return reshape(operand, result);
}

bool OpImporter::align(MutableArrayRef<Value> operands) {
  if (failed())
    return false;
  SmallVector<Dims> shapes(llvm::map_range(operands, [](Value x) { return Dims(getDims(x)); }));
  Dims common = broadcast(shapes);
  for (Value &operand : operands)
    operand = adopt(operand, common);
  return !failed();
}

bool OpImporter::checkSimple(ArrayRef<AffineExpr> exprs) {
  if (!llvm::all_of(exprs, [](AffineExpr expr) { return isSimpleDim(expr); }))
    unsupported("its sizes are too large an expression over the dynamic dimensions",
                "fix the dimensions with --dim NAME=SIZE");
  return !failed();
}

RankedTensorType OpImporter::makeType(ArrayRef<AffineExpr> dims, Type elementType) {
  if (failed() || !checkSimple(dims))
    return nullptr;
  if (dims.size() > static_cast<size_t>(kMaxRank)) {
    unsupported("a tensor of rank " + Twine(dims.size()) + ", above the limit of " +
                Twine(kMaxRank));
    return nullptr;
  }
  std::optional<int64_t> bytes = std::max(8u, elementType.getIntOrFloatBitWidth()) / 8;
  for (AffineExpr dim : dims) {
    std::optional<int64_t> size = getConstantDim(dim);
    if (size && *size < 0) {
      invalid("expected dimensions of 0 or more, got " + text(dims));
      return nullptr;
    }
    if (bytes && size && *size > 0)
      bytes = llvm::checkedMul(*bytes, *size);
  }
  // More than any address space: what a malicious shape asks for.
  if (!bytes || *bytes > int64_t(1) << 46) {
    invalid("a tensor of shape " + text(dims) + " does not fit in memory");
    return nullptr;
  }
  return winnow::getTensorType(dims, elementType, symbols.size());
}

void OpImporter::bind(Value number, AffineExpr expr) {
  if (!failed())
    BindSizeOp::create(b, loc, number, AffineMap::get(0, symbols.size(), expr, b.getContext()),
                       /*message=*/StringAttr());
}

AffineExpr OpImporter::declareSize(const Twine &what, AffineExpr bound) {
  if (failed())
    return constant(0);
  std::string symbol =
      symbols.makeDataName((StringRef(name).drop_front().drop_back() + "." + what).str());
  if (symbols.declareData(symbol, bound)) {
    // Symbols are numbered when an attempt begins.
    failure.kind = Failure::Kind::Restart;
    return constant(0);
  }
  return symbols.get(symbol);
}

AffineExpr OpImporter::bindSize(Value value, const Twine &what, AffineExpr bound) {
  AffineExpr size = value ? declareSize(what, bound) : constant(0);
  bindSize(value, size);
  return failed() ? constant(0) : size;
}

void OpImporter::bindSize(Value value, AffineExpr size) {
  Value number = failed() || !value ? Value() : reshape(convert(value, b.getI64Type()), {});
  if (failed() || !value)
    return;
  // An equation that stands for the symbol may have negative solutions.
  if (symbols.isNonNegative(size) != true) {
    Value isSize = compare(ComparePredicate::GE, number, scalarLike(number, 0));
    bind(convert(isSize, b.getI64Type()), constant(1));
  }
  bind(number, size);
}

Value OpImporter::makeCapacity(AffineExpr size) {
  if (failed())
    return nullptr;
  // The user has fixed it, or an equation.
  if (!isa<AffineSymbolExpr>(size))
    return makeKnown(KnownTensor{b.getI64Type(), {}, {size}});
  auto type = RankedTensorType::get({}, b.getI64Type());
  return makeAs<CapacityOp>(type, AffineMap::get(0, symbols.size(), size, b.getContext()));
}

std::optional<int64_t> OpImporter::length(size_t i, const Twine &what,
                                          std::optional<int64_t> number) {
  if (failed())
    return std::nullopt;
  Dims shape = dims(i);
  if (shape.size() > 1) {
    invalid("expected input " + Twine(i) + " to have rank 1, got shape " + text(shape));
    return std::nullopt;
  }
  if (shape.empty())
    return 1;
  if (std::optional<int64_t> size = getConstantDim(shape[0]))
    return size;
  if (number && *number >= 0)
    return unify(shape[0], constant(*number), "the length of input " + Twine(i) + " and " + what)
               ? number
               : std::nullopt;
  unsupported(what + " depends on the length " + text(shape[0]) + " of input " + Twine(i),
              "fix the dimension with --dim NAME=SIZE");
  return std::nullopt;
}

std::optional<int64_t> OpImporter::lengthForRank(size_t i, std::optional<int64_t> number) {
  std::optional<int64_t> count = length(i, "the rank of its result", number);
  if (count && *count > kMaxRank) {
    unsupported("input " + Twine(i) + " has " + Twine(*count) +
                " elements, above the limit of ranks of " + Twine(kMaxRank));
    return std::nullopt;
  }
  return count;
}

SmallVector<AffineExpr> OpImporter::sizes(size_t i, StringRef what, std::optional<int64_t> number) {
  if (const KnownTensor *tensor = known(i))
    return tensor->elements;
  checkIntegers(i);
  std::optional<int64_t> size = length(i, "the number of its " + Twine(what), number);
  Value value = in(i);
  if (!size || failed())
    return {};
  if (!getSmallSize({*size})) {
    unsupported("the " + what + " of input " + Twine(i) + " has too many elements, " +
                text(dims(value)));
    return {};
  }
  SmallVector<AffineExpr> result;
  Value flat = reshape(value, {constant(*size)});
  for (int64_t k = 0; k < *size && !failed(); ++k)
    result.push_back(
        bindSize(sliceDim(flat, 0, constant(k), constant(1)), what + "." + Twine(k), nullptr));
  return result;
}

void OpImporter::checkIntegers(size_t i) {
  if (!isa<IntegerType>(elementType(i)))
    invalid("expected integers as input " + Twine(i) + ", got " + getDtypeName(elementType(i)));
}

AffineExpr OpImporter::count(size_t i, StringRef what) {
  if (const KnownTensor *tensor = known(i)) {
    if (tensor->elements.size() != 1) {
      invalid("expected one element as input " + Twine(i) + ", got " +
              Twine(tensor->elements.size()));
      return constant(0);
    }
    AffineExpr value = tensor->elements.front();
    if (std::optional<int64_t> number = getConstantDim(value))
      return constant(std::max<int64_t>(*number, 0));
    if (dependsOnData(value) ? symbols.isNonNegative(value) == true
                             : symbols.requireNonNegative(value, "node " + name + " counts to it"))
      return value;
  }
  Value value = in(i);
  if (failed())
    return constant(0);
  return bindSize(make<MaximumOp>(value, scalarLike(value, 0)), what, nullptr);
}

//===----------------------------------------------------------------------===//
// Building
//===----------------------------------------------------------------------===//

/// What a verifier says of an op that the user did not write, in other words.
static std::string describeVerifierError(Operation *op, StringRef message) {
  static const llvm::Regex wrongType(
      "(operand|result) #([0-9]+) must be ranked tensor of (.*) values");
  SmallVector<StringRef> groups;
  size_t number;
  if (!wrongType.match(message, &groups) || groups[2].getAsInteger(10, number))
    return message.str();
  TypeRange types = groups[1] == "result" ? TypeRange(op->getResultTypes())
                                          : TypeRange(op->getOperandTypes());
  if (number >= types.size())
    return message.str();
  StringRef wanted = groups[3] == "1-bit signless integer" ? "boolean" : groups[3];
  Type got = getElementTypeOrSelf(types[number]);
  return "expected " + wanted.str() + " values, got " + getDtypeName(got) +
         (isStorageType(got) ? ", which is stored, moved and cast only" : "");
}

Value OpImporter::finish(OperationState &state) {
  for (Type type : state.types)
    if (!makeType(getDims(type), getElementTypeOrSelf(type)))
      return nullptr;
  Operation *op = b.create(state);
  ++numOps;
  bool isValid = true;
  capture([&] { isValid = succeeded(mlir::verify(op)); });
  if (isValid)
    return op->getResult(0);
  if (failure.kind == Failure::Kind::Invalid)
    failure.message = describeVerifierError(op, failure.message);
  op->erase();
  return nullptr;
}

Value OpImporter::makeConstant(ElementsAttr value) {
  if (failed() || !value)
    return nullptr;
  return makeAs<ConstantOp>(cast<RankedTensorType>(value.getType()), cast<TypedAttr>(value));
}

Value OpImporter::makeKnown(const KnownTensor &known) {
  auto type = RankedTensorType::get(known.shape, known.elementType);
  if (std::optional<SmallVector<int64_t>> values = known.getConstants()) {
    SmallVector<APInt> elements;
    for (int64_t value : *values)
      elements.push_back(APInt(known.elementType.getIntOrFloatBitWidth(), value,
                               /*isSigned=*/true, /*implicitTrunc=*/true));
    return makeConstant(DenseElementsAttr::get(type, elements));
  }
  auto map = AffineMap::get(0, symbols.size(), known.elements, b.getContext());
  auto flat = known.rank() == 0
                  ? type
                  : RankedTensorType::get(type.getNumElements(), known.elementType);
  Value values = makeAs<DimValuesOp>(flat, AffineMapAttr::get(map));
  return reshape(values, getDims(type));
}

Value OpImporter::scalar(Type elementType, double value) {
  if (failed())
    return nullptr;
  auto type = RankedTensorType::get({}, elementType);
  if (isStorageFloat(elementType)) {
    char bits = encodeFloat(value, cast<FloatType>(elementType));
    return makeConstant(DenseElementsAttr::getFromRawBuffer(type, bits));
  }
  if (isa<FloatType>(elementType))
    return makeConstant(DenseElementsAttr::get(type, b.getFloatAttr(elementType, value)));
  APInt integer(elementType.getIntOrFloatBitWidth(), static_cast<int64_t>(value),
                /*isSigned=*/true, /*implicitTrunc=*/true);
  return makeConstant(DenseElementsAttr::get(type, integer));
}

Value OpImporter::scalarLike(Value like, double value) {
  return like ? scalar(getElementTypeOrSelf(like), value) : Value();
}

Value OpImporter::compare(ComparePredicate predicate, Value lhs, Value rhs) {
  return make<CompareOp>(predicate, lhs, rhs);
}

Value OpImporter::makeIndex(AffineExpr expr) {
  if (failed())
    return nullptr;
  if (std::optional<int64_t> constant = getConstantDim(expr))
    return arith::ConstantIndexOp::create(b, loc, *constant);
  Value value = makeKnown(KnownTensor{b.getI64Type(), {}, {expr}});
  if (!value)
    return nullptr;
  value = tensor::ExtractOp::create(b, loc, value, ValueRange());
  return arith::IndexCastOp::create(b, loc, b.getIndexType(), value);
}

Value OpImporter::makeNumber(Value index) {
  if (failed())
    return nullptr;
  Value number = arith::IndexCastOp::create(b, loc, b.getI64Type(), index);
  auto type = RankedTensorType::get({}, b.getI64Type());
  return tensor::FromElementsOp::create(b, loc, type, number);
}

Value OpImporter::reshape(Value input, ArrayRef<AffineExpr> newDims) {
  if (failed())
    return nullptr;
  auto from = cast<RankedTensorType>(input.getType());
  RankedTensorType to = makeType(newDims, from.getElementType());
  return to == from ? input : makeAs<ReshapeOp>(to, input);
}

Value OpImporter::broadcastTo(Value input, ArrayRef<AffineExpr> newDims) {
  if (failed())
    return nullptr;
  auto from = cast<RankedTensorType>(input.getType());
  RankedTensorType to = makeType(newDims, from.getElementType());
  return to == from ? input : makeAs<BroadcastToOp>(to, input);
}

Value OpImporter::transpose(Value input, ArrayRef<int64_t> permutation) {
  return make<TransposeOp>(input, permutation);
}

Value OpImporter::matmul(Value lhs, Value rhs) {
  if (failed())
    return nullptr;
  Dims a = dims(lhs), b = dims(rhs);
  if (!a.empty() && !b.empty()) {
    AffineExpr &depth = a.back(), &other = b.size() == 1 ? b[0] : b[b.size() - 2];
    // Of equal sizes the static one says most.
    if (equate(depth, other, "the inner dimensions"))
      depth = other = getConstantDim(other) ? other : depth;
    if (a.size() > 2 && b.size() > 2) {
      MutableArrayRef<AffineExpr> rows = MutableArrayRef(a).drop_back(2),
                                  columns = MutableArrayRef(b).drop_back(2);
      Dims batch = broadcast({Dims(rows), Dims(columns)});
      adoptDims(rows, batch);
      adoptDims(columns, batch);
    }
    lhs = reshape(lhs, a);
    rhs = reshape(rhs, b);
  }
  return make<MatMulOp>(lhs, rhs);
}

Value OpImporter::convert(Value input, Type elementType) {
  if (failed() || !elementType)
    return nullptr;
  auto from = cast<RankedTensorType>(input.getType());
  if (from.getElementType() == elementType)
    return input;
  return makeAs<CastOp>(
      RankedTensorType::get(from.getShape(), elementType, from.getEncoding()), input);
}

Value OpImporter::widen(Value input) {
  if (failed() || !input)
    return nullptr;
  Type type = getElementTypeOrSelf(input);
  return type.isF16() || type.isBF16() ? convert(input, b.getF32Type()) : input;
}

Value OpImporter::concat(ArrayRef<Value> parts, int64_t axis) {
  if (failed())
    return nullptr;
  Dims first = dims(parts.front());
  SmallVector<Value> matching(parts);
  for (Value &part : MutableArrayRef(matching).drop_front()) {
    Dims other = dims(part);
    if (other.size() != first.size())
      break; // The op says it better.
    for (size_t i = 0; i < first.size(); ++i)
      if (static_cast<int64_t>(i) != axis &&
          equate(first[i], other[i], "dimension " + Twine(i) + " of the inputs"))
        other[i] = first[i];
    part = reshape(part, other);
  }
  return make<ConcatOp>(ValueRange(matching), axis);
}

Value OpImporter::reduce(ReduceKind kind, Value input, ArrayRef<int64_t> axes, bool keepdims) {
  SmallVector<int64_t> sorted(axes);
  llvm::sort(sorted);
  return make<ReduceOp>(kind, input, sorted, keepdims);
}

Value OpImporter::sliceDim(Value input, int64_t axis, AffineExpr start, AffineExpr size,
                           int64_t step) {
  if (failed())
    return nullptr;
  Dims result = dims(input);
  SmallVector<AffineExpr> starts(result.size(), constant(0));
  SmallVector<int64_t> steps(result.size(), 1);
  starts[axis] = normalizeDim(start);
  steps[axis] = step;
  result[axis] = size;
  RankedTensorType type = makeType(result, getElementTypeOrSelf(input));
  if (type == input.getType() && isConstantDim(starts[axis], 0) && step == 1)
    return input;
  auto map = AffineMap::get(0, symbols.size(), starts, b.getContext());
  return makeAs<SliceOp>(type, input, map, steps);
}

Value OpImporter::reverse(Value input, int64_t axis) {
  if (failed())
    return nullptr;
  AffineExpr size = dims(input)[axis];
  return sliceDim(input, axis, size - 1, size, -1);
}

Value OpImporter::iota(AffineExpr size, Type elementType, int64_t start, int64_t step) {
  return makeAs<IotaOp>(makeType({size}, elementType), start, step);
}

SmallVector<Value>
OpImporter::loop(AffineExpr count, ArrayRef<Value> initial,
                 function_ref<SmallVector<Value>(Value, ArrayRef<Value>)> body) {
  if (failed())
    return {};
  Value zero = arith::ConstantIndexOp::create(b, loc, 0);
  Value one = arith::ConstantIndexOp::create(b, loc, 1), end = makeIndex(count);
  if (failed())
    return {};
  auto loop = scf::ForOp::create(b, loc, zero, end, one, initial);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  SmallVector<Value> next = body(loop.getInductionVar(), SmallVector<Value>(loop.getRegionIterArgs()));
  if (failed())
    return {};
  scf::YieldOp::create(b, loc, next);
  return SmallVector<Value>(loop.getResults());
}

} // namespace winnow::import
