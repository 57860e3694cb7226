#include "PolynomialForm.h"

using namespace mlir;
using namespace winnow;

//===----------------------------------------------------------------------===//
// Parts
//===----------------------------------------------------------------------===//

PolynomialForms::PolynomialForms(Value x, unsigned numSymbols) : numSymbols(numSymbols), base(x) {
  for (AffineExpr dim : getDims(x))
    baseDims.push_back(addDim(dim, /*isFree=*/false));
}

Part PolynomialForms::addPart(AffineExpr size, bool isFree) {
  infos.push_back({size, isFree, {}});
  return infos.size() - 1;
}

Parts PolynomialForms::addDim(AffineExpr size, bool isFree) {
  return isConstantDim(size, 1) ? Parts{} : Parts{addPart(size, isFree)};
}

void PolynomialForms::split(Part part, ArrayRef<AffineExpr> sizes) {
  Parts parts;
  for (AffineExpr size : sizes)
    parts.push_back(addPart(size, infos[part].isFree));
  infos[part].split = parts;
}

Parts PolynomialForms::resolve(ArrayRef<Part> parts) const {
  Parts result;
  for (Part part : parts) {
    if (infos[part].split.empty())
      result.push_back(part);
    else
      result.append(resolve(infos[part].split));
  }
  return result;
}

SmallVector<Parts> PolynomialForms::resolveDims(ArrayRef<Parts> dims) const {
  SmallVector<Parts> result;
  for (const Parts &dim : dims)
    result.push_back(resolve(dim));
  return result;
}

void PolynomialForms::resolve(Form &form) const {
  form.dims = resolveDims(form.dims);
  transform(form, [&](const Numbers &numbers) {
    return Numbers{resolve(numbers.parts), numbers.values};
  });
}

bool PolynomialForms::isFree(ArrayRef<Part> parts) const {
  return llvm::all_of(parts, [&](Part part) { return infos[part].isFree; });
}

std::optional<int64_t> PolynomialForms::getStaticSize(ArrayRef<Part> parts) const {
  int64_t size = 1;
  for (Part part : parts) {
    std::optional<int64_t> own = getConstantDim(infos[part].size);
    if (!own)
      return std::nullopt;
    size *= *own;
  }
  return size;
}

//===----------------------------------------------------------------------===//
// Numbers
//===----------------------------------------------------------------------===//

std::vector<double> PolynomialForms::expand(const Numbers &numbers, ArrayRef<Part> parts) const {
  SmallVector<int64_t> strides(parts.size(), 0), sizes;
  for (auto [i, part] : llvm::enumerate(parts)) {
    sizes.push_back(sizeOf(part));
    int64_t stride = 1;
    for (Part own : llvm::reverse(numbers.parts)) {
      if (own == part)
        strides[i] = stride;
      stride *= sizeOf(own);
    }
  }
  size_t total = 1;
  for (int64_t size : sizes)
    total *= size;
  std::vector<double> result(total);
  SmallVector<int64_t> index(parts.size(), 0);
  int64_t at = 0;
  for (double &value : result) {
    value = numbers.values[at];
    for (size_t i = parts.size(); i-- > 0;) {
      at += strides[i];
      if (++index[i] < sizes[i])
        break;
      at -= strides[i] * sizes[i];
      index[i] = 0;
    }
  }
  return result;
}

/// Drops the parts over which the numbers do not vary.
Numbers PolynomialForms::compress(Numbers numbers) const {
  for (size_t i = numbers.parts.size(); i-- > 0;) {
    int64_t size = sizeOf(numbers.parts[i]), inner = 1;
    for (Part part : ArrayRef(numbers.parts).drop_front(i + 1))
      inner *= sizeOf(part);
    int64_t outer = numbers.values.size() / (inner * size);
    std::vector<double> kept;
    bool varies = false;
    for (int64_t o = 0; o < outer && !varies; ++o)
      for (int64_t j = 0; j < inner && !varies; ++j) {
        const double *first = &numbers.values[o * size * inner + j];
        for (int64_t k = 1; k < size && !varies; ++k)
          varies = first[k * inner] != *first;
        kept.push_back(*first);
      }
    if (varies)
      continue;
    numbers.parts.erase(numbers.parts.begin() + i);
    numbers.values = std::move(kept);
  }
  return numbers;
}

std::optional<Numbers>
PolynomialForms::combine(const Numbers &a, const Numbers &b,
                         function_ref<double(double, double)> function) const {
  Numbers result{a.parts, {}};
  for (Part part : b.parts)
    if (!llvm::is_contained(a.parts, part))
      result.parts.push_back(part);
  size_t total = 1;
  for (Part part : result.parts)
    if ((total *= sizeOf(part)) > kMaxNumbers)
      return std::nullopt;
  result.values = expand(a, result.parts);
  std::vector<double> other = expand(b, result.parts);
  for (auto [value, operand] : llvm::zip_equal(result.values, other))
    value = function(value, operand);
  return compress(std::move(result));
}

Numbers PolynomialForms::map(Numbers numbers, function_ref<double(double)> function) const {
  for (double &value : numbers.values)
    value = function(value);
  return compress(std::move(numbers));
}

Numbers PolynomialForms::sumOver(const Numbers &numbers, ArrayRef<Part> parts) const {
  Numbers result;
  for (Part part : numbers.parts)
    if (!llvm::is_contained(parts, part))
      result.parts.push_back(part);
  Parts order = result.parts;
  int64_t times = 1, inner = 1;
  for (Part part : parts) {
    if (llvm::is_contained(numbers.parts, part)) {
      order.push_back(part);
      inner *= sizeOf(part);
    } else {
      times *= sizeOf(part);
    }
  }
  std::vector<double> values = expand(numbers, order);
  for (size_t i = 0; i < values.size(); i += inner) {
    double sum = 0;
    for (int64_t j = 0; j < inner; ++j)
      sum += values[i + j];
    result.values.push_back(sum * times);
  }
  return compress(std::move(result));
}

bool PolynomialForms::addTo(PolynomialTerms &terms, Power power, const Numbers &numbers) const {
  auto [it, inserted] = terms.insert({power, numbers});
  if (!inserted) {
    auto sum = combine(it->second, numbers, [](double a, double b) { return a + b; });
    if (!sum)
      return false;
    it->second = std::move(*sum);
  }
  if (llvm::all_of(it->second.values, [](double value) { return value == 0; }))
    terms.erase(it);
  return true;
}

std::optional<PolynomialTerms> PolynomialForms::multiply(const PolynomialTerms &a,
                                                         const PolynomialTerms &b) const {
  PolynomialTerms product;
  for (auto &[p, x] : a)
    for (auto &[q, y] : b) {
      // |x| |x| = x^2.
      Power power{p.power + q.power, p.isAbs != q.isAbs};
      auto numbers = combine(x, y, [](double u, double v) { return u * v; });
      if (!numbers || power.power > kMaxDegree || !addTo(product, power, *numbers))
        return std::nullopt;
    }
  return product;
}

void PolynomialForms::transform(Form &form, function_ref<Numbers(const Numbers &)> function) const {
  for (PolynomialTerms *terms : {&form.terms, &form.inner}) {
    PolynomialTerms result;
    for (auto &[power, numbers] : *terms)
      addTo(result, power, function(numbers));
    *terms = std::move(result);
  }
  if (form.scale)
    form.scale = function(*form.scale);
}

//===----------------------------------------------------------------------===//
// Alignment
//===----------------------------------------------------------------------===//

/// Splits parts of both until they have the same sizes.
bool PolynomialForms::refine(ArrayRef<Part> a, ArrayRef<Part> b) {
  SmallVector<Part> left(llvm::reverse(a)), right(llvm::reverse(b));
  MLIRContext *context = base.getContext();
  while (!left.empty() && !right.empty()) {
    Part p = left.pop_back_val(), q = right.pop_back_val();
    if (p == q || isSameDim(infos[p].size, infos[q].size, numSymbols))
      continue;
    std::optional<int64_t> m = getConstantDim(infos[p].size), n = getConstantDim(infos[q].size);
    if (!m || !n || *m == 0 || *n == 0)
      return false;
    bool isLeft = *m > *n;
    int64_t large = std::max(*m, *n), small = std::min(*m, *n);
    if (large % small)
      return false;
    Part whole = isLeft ? p : q;
    split(whole,
          {getAffineConstantExpr(small, context), getAffineConstantExpr(large / small, context)});
    (isLeft ? left : right).push_back(infos[whole].split[1]);
  }
  return left.empty() && right.empty();
}

bool PolynomialForms::alignDim(Form &form, size_t dim, ArrayRef<Part> target) {
  Parts own = resolve(form.dims[dim]), wanted = resolve(target);
  if (own.empty() || own == wanted)
    return true;
  // Numbers that do not vary over the dimension fit any of its size.
  bool varies = false;
  transform(form, [&](const Numbers &numbers) {
    varies |= llvm::any_of(resolve(numbers.parts),
                           [&](Part part) { return llvm::is_contained(own, part); });
    return numbers;
  });
  auto sizesOf = [&](ArrayRef<Part> parts) {
    return llvm::map_to_vector(parts, [&](Part part) { return infos[part].size; });
  };
  if (!varies && isFree(own) && isSameProduct(sizesOf(own), sizesOf(wanted), numSymbols)) {
    form.dims[dim] = wanted;
    return true;
  }
  if (!refine(own, wanted))
    return false;
  own = resolve(own);
  wanted = resolve(wanted);
  resolve(form);
  for (auto [mine, theirs] : llvm::zip_equal(own, wanted)) {
    if (mine == theirs)
      continue;
    if (!infos[mine].isFree)
      return false;
    transform(form, [&, from = mine, to = theirs](const Numbers &numbers) {
      Numbers renamed = numbers;
      llvm::replace(renamed.parts, from, to);
      return renamed;
    });
  }
  form.dims[dim] = wanted;
  return true;
}

bool PolynomialForms::align(Form &form, ArrayRef<Parts> dims) {
  if (form.dims.size() != dims.size())
    return false;
  for (size_t dim = 0; dim < dims.size(); ++dim)
    if (form.dims[dim].empty() != dims[dim].empty() || !alignDim(form, dim, dims[dim]))
      return false;
  resolve(form);
  return true;
}

/// Brings forms to one rank and one meaning of each dimension; those of size 1 stay.
bool PolynomialForms::alignAll(MutableArrayRef<Form> forms, std::optional<size_t> except) {
  size_t rank = 0;
  for (Form &form : forms)
    rank = std::max(rank, form.dims.size());
  for (Form &form : forms)
    form.dims.insert(form.dims.begin(), rank - form.dims.size(), Parts());
  for (size_t dim = 0; dim < rank; ++dim) {
    if (dim == except)
      continue;
    Parts target;
    for (Form &form : forms) {
      Parts own = resolve(form.dims[dim]);
      if (target.empty() || (!own.empty() && isFree(target) && !isFree(own)))
        target = own;
    }
    for (Form &form : forms)
      if (!alignDim(form, dim, target))
        return false;
  }
  for (Form &form : forms)
    resolve(form);
  return true;
}
