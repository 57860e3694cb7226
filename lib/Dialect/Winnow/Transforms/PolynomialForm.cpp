#include "PolynomialForm.h"

#include "llvm/ADT/TypeSwitch.h"
#include <cmath>

using namespace mlir;
using namespace winnow;

//===----------------------------------------------------------------------===//
// Arithmetic
//===----------------------------------------------------------------------===//

static SmallVector<Parts> joinDims(ArrayRef<Parts> a, ArrayRef<Parts> b) {
  SmallVector<Parts> dims(a);
  for (auto [mine, theirs] : llvm::zip_equal(dims, b))
    if (mine.empty())
      mine = theirs;
  return dims;
}

std::optional<PolynomialForm> PolynomialForms::ofSum(Form a, Form b) {
  Form forms[] = {std::move(a), std::move(b)};
  if (!alignAll(forms) || (forms[0].scale && forms[1].scale))
    return std::nullopt;
  if (forms[1].scale)
    std::swap(forms[0], forms[1]);
  Form sum = std::move(forms[0]);
  sum.dims = joinDims(sum.dims, forms[1].dims);
  for (auto &[power, numbers] : forms[1].terms)
    if (!addTo(sum.terms, power, numbers))
      return std::nullopt;
  return sum;
}

std::optional<PolynomialForm> PolynomialForms::negate(Form form) {
  // |-p| = |p|, so that all may change their sign.
  transform(form, [&](const Numbers &n) { return map(n, [](double x) { return -x; }); });
  return form;
}

std::optional<PolynomialForm> PolynomialForms::ofProduct(Form a, Form b) {
  Form forms[] = {std::move(a), std::move(b)};
  if (!alignAll(forms))
    return std::nullopt;
  if (forms[1].scale)
    std::swap(forms[0], forms[1]);
  Form &lhs = forms[0], &rhs = forms[1];
  Form product{joinDims(lhs.dims, rhs.dims), {}, std::move(lhs.inner), {}};
  std::optional<PolynomialTerms> terms = multiply(lhs.terms, rhs.terms);
  if (!terms)
    return std::nullopt;
  product.terms = std::move(*terms);
  if (!lhs.scale)
    return product;
  auto factor = rhs.terms.find(Power());
  if (!rhs.isConstant() || factor == rhs.terms.end())
    return std::nullopt;
  product.scale = combine(*lhs.scale, factor->second, [](double x, double y) { return x * y; });
  return product.scale ? OptionalForm(product) : std::nullopt;
}

/// Of numbers only.
std::optional<PolynomialForm> PolynomialForms::ofReciprocal(Form form) {
  auto number = form.terms.find(Power());
  if (!form.isConstant() || number == form.terms.end() ||
      llvm::is_contained(number->second.values, 0.0))
    return std::nullopt;
  number->second = map(number->second, [](double value) { return 1 / value; });
  return form;
}

std::optional<PolynomialForm> PolynomialForms::ofPower(Form base, Form exponent) {
  Form forms[] = {std::move(base), std::move(exponent)};
  if (!alignAll(forms) || !forms[1].isConstant())
    return std::nullopt;
  Form &x = forms[0], &powers = forms[1];
  auto numbers = powers.terms.find(Power());
  Numbers exponents = numbers == powers.terms.end() ? Numbers{{}, {0.0}} : numbers->second;
  std::vector<double> distinct = exponents.values;
  llvm::sort(distinct);
  distinct.erase(llvm::unique(distinct), distinct.end());
  Form sum{joinDims(x.dims, powers.dims), {}, {}, {}};
  Form power{x.dims, {{Power(), {{}, {1.0}}}}, {}, {}};
  unsigned reached = 0;
  for (double number : distinct) {
    if (!(number >= 0) || number > kMaxDegree || number != std::floor(number))
      return std::nullopt;
    for (; reached < number; ++reached) {
      OptionalForm next = ofProduct(power, x);
      if (!next)
        return std::nullopt;
      power = std::move(*next);
    }
    if (power.scale)
      return std::nullopt;
    // The elements with that exponent.
    Numbers chosen = map(exponents, [&](double value) { return value == number; });
    for (auto &[degree, factor] : power.terms) {
      auto part = combine(factor, chosen, [](double u, double v) { return u * v; });
      if (!part || !addTo(sum.terms, degree, *part))
        return std::nullopt;
    }
  }
  return sum;
}

/// Whether no two terms are anywhere both other than 0.
bool PolynomialForms::areApart(const PolynomialTerms &terms) const {
  for (auto it = terms.begin(); it != terms.end(); ++it)
    for (auto other = std::next(it); other != terms.end(); ++other) {
      auto product = combine(it->second, other->second, [](double a, double b) { return a * b; });
      if (!product || llvm::any_of(product->values, [](double value) { return value != 0; }))
        return false;
    }
  return true;
}

std::optional<PolynomialForm> PolynomialForms::ofAbs(Form form) {
  if (form.scale)
    return std::nullopt;
  // Of one term, or of one at each place, as in a stack of powers.
  if (form.terms.size() <= 1 || areApart(form.terms)) {
    PolynomialTerms terms;
    for (auto &[power, numbers] : form.terms)
      if (!addTo(terms, Power{power.power, power.power % 2 == 1},
                 map(numbers, [](double value) { return std::fabs(value); })))
        return std::nullopt;
    form.terms = std::move(terms);
    return form;
  }
  if (llvm::any_of(form.terms, [](auto &term) { return term.first.isAbs; }))
    return std::nullopt;
  form.inner = std::move(form.terms);
  form.terms.clear();
  form.scale = Numbers{{}, {1.0}};
  return form;
}

//===----------------------------------------------------------------------===//
// Movement and contraction
//===----------------------------------------------------------------------===//

std::optional<PolynomialForm> PolynomialForms::ofReshape(Form form, Value from, Value to) {
  Dims in = getDims(from), out = getDims(to);
  auto groups = getReshapeGroups(in, out, numSymbols);
  if (!groups)
    return std::nullopt;
  SmallVector<Parts> dims(out.size());
  for (const ReshapeGroup &group : *groups) {
    SmallVector<Part> left;
    SmallVector<AffineExpr> sizes;
    SmallVector<unsigned> targets;
    for (unsigned dim = group.inBegin; dim < group.inEnd; ++dim)
      left.append(form.dims[dim]);
    for (unsigned dim = group.outBegin; dim < group.outEnd; ++dim)
      if (!isConstantDim(out[dim], 1)) {
        targets.push_back(dim);
        sizes.push_back(out[dim]);
      }
    if (left.size() == 1 && targets.size() > 1) {
      split(left[0], sizes);
      Parts pieces = infos[left[0]].split;
      left.assign(pieces.begin(), pieces.end());
    }
    std::reverse(left.begin(), left.end());
    for (auto [size, target] : llvm::zip_equal(sizes, targets)) {
      Parts &dim = dims[target];
      SmallVector<AffineExpr> taken;
      while (!isSameProduct(taken, {size}, numSymbols)) {
        if (left.empty())
          return std::nullopt;
        Part part = left.pop_back_val();
        std::optional<int64_t> wanted = getConstantDim(size),
                               own = getConstantDim(infos[part].size);
        std::optional<int64_t> have = getStaticSize(dim);
        // What is more than the dimension holds is split.
        if (wanted && own && have && *have * *own > *wanted) {
          int64_t rest = *wanted / std::max<int64_t>(*have, 1);
          if (rest <= 1 || *wanted % *have || *own % rest)
            return std::nullopt;
          MLIRContext *context = size.getContext();
          split(part, {getAffineConstantExpr(rest, context),
                       getAffineConstantExpr(*own / rest, context)});
          left.push_back(infos[part].split[1]);
          part = infos[part].split[0];
        }
        dim.push_back(part);
        taken.push_back(infos[part].size);
      }
    }
    if (!left.empty())
      return std::nullopt;
  }
  form.dims = std::move(dims);
  resolve(form);
  return form;
}

std::optional<PolynomialForm> PolynomialForms::ofBroadcast(Form form, Value to) {
  Dims dims = getDims(to);
  form.dims.insert(form.dims.begin(), dims.size() - form.dims.size(), Parts());
  for (auto [parts, size] : llvm::zip_equal(form.dims, dims))
    if (parts.empty())
      parts = addDim(size, /*isFree=*/true);
  return form;
}

std::optional<PolynomialForm> PolynomialForms::ofConcat(ConcatOp op) {
  SmallVector<Form> forms;
  size_t axis = op.getAxis();
  for (Value input : op.getInputs()) {
    OptionalForm form = get(input);
    if (!form || form->scale || !isFree(form->dims[axis]) || !getConstantDim(getDims(input)[axis]))
      return std::nullopt;
    forms.push_back(std::move(*form));
  }
  if (!alignAll(forms, axis))
    return std::nullopt;
  Part stack = addPart(getDims(op.getResult())[axis], /*isFree=*/true);
  Form result{forms.front().dims, {}, {}, {}};
  for (Form &form : forms)
    result.dims = joinDims(result.dims, form.dims);
  result.dims[axis] = {stack};
  int64_t size = sizeOf(stack), first = 0;
  for (auto [form, input] : llvm::zip_equal(forms, op.getInputs())) {
    int64_t count = *getConstantDim(getDims(input)[axis]);
    for (auto &[power, numbers] : form.terms) {
      Numbers placed;
      for (Part part : numbers.parts)
        if (!llvm::is_contained(form.dims[axis], part))
          placed.parts.push_back(part);
      Parts order = placed.parts;
      order.append(form.dims[axis]);
      placed.parts.push_back(stack);
      std::vector<double> values = expand(numbers, order);
      for (size_t at = 0; at < values.size(); at += count)
        for (int64_t i = 0; i < size; ++i)
          placed.values.push_back(i >= first && i < first + count ? values[at + i - first] : 0);
      if (placed.values.size() > kMaxNumbers || !addTo(result.terms, power, compress(placed)))
        return std::nullopt;
    }
    first += count;
  }
  return result;
}

/// Of dimensions that x does not vary over.
std::optional<PolynomialForm> PolynomialForms::ofSlice(SliceOp op, Form form) {
  Dims in = getDims(op.getInput()), out = getDims(op.getResult());
  for (size_t dim = 0; dim < in.size(); ++dim) {
    std::optional<int64_t> start = getConstantDim(op.getStarts().getResult(dim));
    int64_t step = op.getSteps()[dim];
    if (start == 0 && step == 1 && isSameDim(in[dim], out[dim], numSymbols))
      continue;
    std::optional<int64_t> count = getConstantDim(out[dim]);
    if (!start || !count || form.dims[dim].size() != 1 || !isFree(form.dims[dim]))
      return std::nullopt;
    Part from = form.dims[dim][0];
    form.dims[dim] = addDim(out[dim], /*isFree=*/true);
    transform(form, [&](const Numbers &numbers) {
      if (!llvm::is_contained(numbers.parts, from))
        return numbers;
      Parts order;
      for (Part part : numbers.parts)
        if (part != from)
          order.push_back(part);
      Numbers taken{order, {}};
      taken.parts.append(form.dims[dim]);
      order.push_back(from);
      std::vector<double> values = expand(numbers, order);
      for (size_t at = 0; at < values.size(); at += sizeOf(from))
        for (int64_t i = 0; i < *count; ++i)
          taken.values.push_back(values[at + *start + i * step]);
      return compress(std::move(taken));
    });
  }
  return form;
}

std::optional<PolynomialForm> PolynomialForms::ofMatMul(Form lhs, Form rhs) {
  if (lhs.dims.empty() || rhs.dims.empty())
    return std::nullopt;
  bool isRow = lhs.dims.size() == 1, isColumn = rhs.dims.size() == 1;
  // A sum over x's own dimensions is no function of each element.
  if (!isFree(lhs.dims.back()) || !isFree(isColumn ? rhs.dims[0] : rhs.dims[rhs.dims.size() - 2]))
    return std::nullopt;
  // [.., M, 1, K] and [.., 1, N, K], summed over K.
  if (isRow)
    lhs.dims.insert(lhs.dims.begin(), Parts());
  if (isColumn)
    rhs.dims.push_back(Parts());
  lhs.dims.insert(lhs.dims.end() - 1, Parts());
  std::swap(rhs.dims[rhs.dims.size() - 2], rhs.dims.back());
  rhs.dims.insert(rhs.dims.end() - 2, Parts());
  OptionalForm product = ofProduct(std::move(lhs), std::move(rhs));
  if (!product)
    return std::nullopt;
  int64_t rank = product->dims.size();
  SmallVector<int64_t> axes = {rank - 1};
  product = ofSum(std::move(*product), axes, /*keepdims=*/false);
  if (!product)
    return std::nullopt;
  if (isColumn)
    product->dims.pop_back();
  if (isRow)
    product->dims.erase(product->dims.end() - (isColumn ? 1 : 2));
  return product;
}

std::optional<PolynomialForm> PolynomialForms::ofSum(Form form, ArrayRef<int64_t> axes,
                                                     bool keepdims) {
  Parts summed;
  for (int64_t axis : llvm::reverse(axes)) {
    if (!isFree(form.dims[axis]) || !getStaticSize(form.dims[axis]) || form.scale)
      return std::nullopt;
    summed.append(form.dims[axis]);
    form.dims[axis].clear();
    if (!keepdims)
      form.dims.erase(form.dims.begin() + axis);
  }
  transform(form, [&](const Numbers &numbers) { return sumOver(numbers, summed); });
  return form;
}

//===----------------------------------------------------------------------===//
// Values
//===----------------------------------------------------------------------===//

bool PolynomialForms::isConstantTree(Value value) {
  Operation *op = value.getDefiningOp();
  if (isa_and_nonnull<ConstantOp>(op))
    return true;
  return isa_and_nonnull<BroadcastToOp, ReshapeOp, TransposeOp, ConcatOp, SliceOp>(op) &&
         llvm::all_of(op->getOperands(), isConstantTree);
}

bool PolynomialForms::isKnown(Operation *op) {
  if (auto reduce = dyn_cast_or_null<ReduceOp>(op))
    return reduce.getKind() == ReduceKind::Sum;
  if (auto linear = dyn_cast_or_null<LinearOp>(op))
    return linear.getActivation() == Activation::None && !linear.getResidual();
  return isa_and_nonnull<ConstantOp, AddOp, SubOp, NegOp, MulOp, DivOp, ReciprocalOp, PowOp, AbsOp,
                         ReshapeOp, TransposeOp, BroadcastToOp, ConcatOp, SliceOp, MatMulOp>(op);
}

std::optional<PolynomialForm> PolynomialForms::ofConstant(ConstantOp op) {
  RankedTensorType type = getTensorType(op.getResult());
  if (!type.hasStaticShape() || static_cast<size_t>(type.getNumElements()) > kMaxNumbers ||
      type.getNumElements() == 0)
    return std::nullopt;
  Form form;
  Numbers numbers;
  for (AffineExpr dim : getDims(type)) {
    form.dims.push_back(addDim(dim, /*isFree=*/true));
    numbers.parts.append(form.dims.back());
  }
  if (auto dense = dyn_cast<DenseElementsAttr>(op.getValue());
      dense && type.getElementType().isF64()) {
    for (double value : dense.getValues<double>())
      numbers.values.push_back(value);
  } else {
    SmallVector<float> storage;
    std::optional<ArrayRef<float>> floats = getFloats(op.getElements(), storage);
    if (!floats)
      return std::nullopt;
    numbers.values.assign(floats->begin(), floats->end());
  }
  addTo(form.terms, Power(), compress(std::move(numbers)));
  return form;
}

std::optional<PolynomialForm> PolynomialForms::get(Value value) {
  if (value == base)
    return Form{getBaseDims(), {{Power{1, false}, {{}, {1.0}}}}, {}, {}};
  auto it = known.find(value);
  if (it == known.end()) {
    Operation *op = value.getDefiningOp();
    OptionalForm form;
    if (isKnown(op))
      form = compute(op);
    else if (cuts && isConditional(op))
      form = computeConditional(op);
    it = known.insert({value, std::move(form)}).first;
  }
  OptionalForm form = it->second;
  if (form)
    resolve(*form);
  return form;
}

std::optional<PolynomialForm> PolynomialForms::compute(Operation *op) {
  if (auto constant = dyn_cast<ConstantOp>(op))
    return ofConstant(constant);
  if (auto concat = dyn_cast<ConcatOp>(op))
    return ofConcat(concat);
  SmallVector<Form> in;
  for (Value operand : op->getOperands()) {
    OptionalForm form = get(operand);
    if (!form)
      return std::nullopt;
    in.push_back(std::move(*form));
  }
  // Later operands may have split what earlier ones hold.
  for (Form &form : in)
    resolve(form);
  Value result = op->getResult(0);
  return llvm::TypeSwitch<Operation *, OptionalForm>(op)
      .Case([&](AddOp) { return ofSum(in[0], in[1]); })
      .Case([&](SubOp) { return ofSum(in[0], *negate(in[1])); })
      .Case([&](NegOp) { return negate(in[0]); })
      .Case([&](MulOp) { return ofProduct(in[0], in[1]); })
      .Case([&](DivOp) {
        OptionalForm inverse = ofReciprocal(in[1]);
        return inverse ? ofProduct(in[0], *inverse) : std::nullopt;
      })
      .Case([&](ReciprocalOp) { return ofReciprocal(in[0]); })
      .Case([&](PowOp) { return ofPower(in[0], in[1]); })
      .Case([&](AbsOp) { return ofAbs(in[0]); })
      .Case([&](ReshapeOp reshape) { return ofReshape(in[0], reshape.getInput(), result); })
      .Case([&](TransposeOp transpose) {
        Form form = in[0];
        for (auto [i, from] : llvm::enumerate(transpose.getPermutation()))
          form.dims[i] = in[0].dims[from];
        return OptionalForm(form);
      })
      .Case([&](BroadcastToOp) { return ofBroadcast(in[0], result); })
      .Case([&](SliceOp slice) { return ofSlice(slice, in[0]); })
      .Case([&](MatMulOp) { return ofMatMul(in[0], in[1]); })
      .Case([&](LinearOp linear) {
        Form weight = in[1];
        if (linear.getTransposeWeight())
          std::swap(weight.dims[0], weight.dims[1]);
        OptionalForm product = ofMatMul(in[0], weight);
        return product && linear.getBias() ? ofSum(*product, in[2]) : product;
      })
      .Case([&](ReduceOp reduce) { return ofSum(in[0], reduce.getAxes(), reduce.getKeepdims()); })
      .Default([](Operation *) { return std::nullopt; });
}
