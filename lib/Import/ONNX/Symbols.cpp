#include "Symbols.h"
#include "winnow/Support/Quote.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace winnow::import {

void Symbols::declare(StringRef name) {
  if (!known.indices.try_emplace(name, known.all.size()).second)
    return;
  SymbolInfo info;
  info.name = name.str();
  known.all.push_back({info, nullptr, nullptr});
}

bool Symbols::declareData(StringRef name, AffineExpr bound) {
  bool isNew = !isDeclared(name);
  if (isNew)
    declare(name);
  unsigned own = known.indices.lookup(name);
  Symbol &symbol = known.all[own];
  symbol.info.isData = true;
  symbol.bound = bound ? toAll(bound) : AffineExpr();
  for (auto [index, number] : llvm::enumerate(liveToAll)) {
    if (number != own)
      continue;
    live[index].bound = getOrderedBound(bound, index);
    places[index] = {region, ++numDeclared};
  }
  if (auto bounds = known.pending.find(name); isNew && bounds != known.pending.end()) {
    setBounds(name, bounds->second.first, bounds->second.second);
    known.pending.erase(bounds);
  }
  return isNew;
}

AffineExpr Symbols::getOrderedBound(AffineExpr bound, unsigned index) const {
  bool isOrdered = true;
  if (bound)
    bound.walk([&](AffineExpr part) {
      if (auto other = dyn_cast<AffineSymbolExpr>(part))
        isOrdered &= other.getPosition() < index;
    });
  return isOrdered ? bound : AffineExpr();
}

std::string Symbols::makeDataName(StringRef name) {
  unsigned number = ++dataNames[name];
  return number == 1 ? name.str() : name.str() + "#" + std::to_string(number);
}

std::vector<std::string> Symbols::getPendingNames() const {
  std::vector<std::string> names;
  for (const auto &entry : known.pending)
    names.push_back(entry.getKey().str());
  llvm::sort(names);
  return names;
}

std::vector<std::string> Symbols::getNames() const {
  std::vector<std::string> names;
  for (const Symbol &symbol : known.all)
    names.push_back(symbol.info.name);
  return names;
}

void Symbols::setBounds(StringRef name, int64_t min, int64_t max) {
  Symbol &symbol = known.all[known.indices.lookup(name)];
  symbol.info.min = min;
  symbol.info.max = max;
  if (min == max)
    symbol.solution = getAffineConstantExpr(min, context);
}

void Symbols::beginAttempt() {
  if (!isBegun)
    knownFirst = known;
  else if (isMistaken)
    known = knownFirst;
  isBegun = true;
  isMistaken = false;
  live.clear();
  liveToAll.clear();
  dataNames.clear();
  regions.assign(1, RegionInfo());
  region = numDeclared = 0;
  for (auto [index, symbol] : llvm::enumerate(known.all)) {
    if (symbol.solution)
      continue;
    live.push_back(symbol.info);
    liveToAll.push_back(index);
  }
  places.assign(live.size(), Place());
  for (auto [info, index] : llvm::zip_equal(live, liveToAll))
    if (known.all[index].bound)
      info.bound = getOrderedBound(toLive(known.all[index].bound), &info - live.data());
}

AffineExpr Symbols::toAll(AffineExpr expr) const {
  SmallVector<AffineExpr> replacements;
  for (unsigned index : liveToAll)
    replacements.push_back(getAffineSymbolExpr(index, context));
  return expr.replaceSymbols(replacements);
}

SmallVector<AffineExpr> Symbols::getSolutions() const {
  SmallVector<AffineExpr> solutions;
  for (auto [index, symbol] : llvm::enumerate(known.all))
    solutions.push_back(symbol.solution ? symbol.solution : getAffineSymbolExpr(index, context));
  return solutions;
}

AffineExpr Symbols::substitute(AffineExpr expr, ArrayRef<AffineExpr> solutions) const {
  // Solutions may mention symbols that were solved later; each round removes
  // at least one of them, because no solution mentions its own symbol.
  for (size_t round = 0; round <= known.all.size(); ++round) {
    AffineExpr next = normalizeDim(expr.replaceSymbols(solutions));
    if (next == expr)
      break;
    if (!isSimpleDim(next))
      return nullptr;
    expr = next;
  }
  return expr;
}

bool Symbols::areSolutionsSimple() const {
  SmallVector<AffineExpr> solutions = getSolutions();
  return llvm::all_of(solutions, [&](AffineExpr expr) { return substitute(expr, solutions); });
}

AffineExpr Symbols::toLive(AffineExpr expr) const {
  expr = substitute(expr, getSolutions());
  if (!expr)
    return nullptr;
  SmallVector<AffineExpr> numbers(known.all.size(), getAffineConstantExpr(0, context));
  for (auto [number, index] : llvm::enumerate(liveToAll))
    numbers[index] = getAffineSymbolExpr(number, context);
  return normalizeDim(expr.replaceSymbols(numbers));
}

AffineExpr Symbols::get(StringRef name) const {
  return toLive(getAffineSymbolExpr(known.indices.lookup(name), context));
}

//===----------------------------------------------------------------------===//
// Decisions
//===----------------------------------------------------------------------===//

std::optional<bool> Symbols::isNonNegative(AffineExpr expr) const {
  DimRange range = getDimRange(expr, live);
  if (range.min && *range.min >= 0)
    return true;
  if (range.max && *range.max < 0)
    return false;
  return std::nullopt;
}

std::optional<bool> Symbols::isEqual(AffineExpr a, AffineExpr b) const {
  DimRange range = getDimRange(a - b, live);
  if (range.min == 0 && range.max == 0)
    return true;
  if ((range.min && *range.min > 0) || (range.max && *range.max < 0))
    return false;
  return std::nullopt;
}

std::optional<bool> Symbols::isLess(AffineExpr a, AffineExpr b) const {
  return isNonNegative(b - a - 1);
}

bool Symbols::requireNonNegative(AffineExpr expr, const Twine &why) {
  if (std::optional<bool> known = isNonNegative(expr))
    return *known;
  expr = normalizeDim(expr);
  // constant + coefficient * symbol >= 0 bounds the symbol.
  for (unsigned i = 0; i < live.size(); ++i) {
    std::optional<int64_t> coefficient = getLinearCoefficient(expr, i);
    if (!coefficient || *coefficient == INT64_MIN)
      continue;
    AffineExpr symbol = getAffineSymbolExpr(i, context);
    std::optional<int64_t> constant = getConstantDim(normalizeDim(expr - symbol * *coefficient));
    if (!constant || *constant == INT64_MIN)
      return false;
    SymbolInfo bounds = live[i];
    if (*coefficient < 0)
      bounds.max = std::min(bounds.max, llvm::divideFloorSigned(*constant, -*coefficient));
    else
      bounds.min = std::max(bounds.min, llvm::divideCeilSigned(-*constant, *coefficient));
    if (bounds.min > bounds.max)
      return false;
    live[i] = bounds;
    known.all[liveToAll[i]].info = bounds;
    known.remarks.push_back(("dimension " + quote(bounds.name) + " is " +
                       (*coefficient < 0 ? "at most " + Twine(bounds.max)
                                         : "at least " + Twine(bounds.min)) + ": " + why).str());
    return true;
  }
  return raiseMinimum(expr, why);
}

/// Sums, positive multiples and quotients of nondecreasing expressions are
/// nondecreasing.
static bool isNondecreasing(AffineExpr expr) {
  auto binary = dyn_cast<AffineBinaryOpExpr>(expr);
  if (!binary)
    return true;
  std::optional<int64_t> factor = getConstantDim(binary.getRHS());
  switch (binary.getKind()) {
  case AffineExprKind::Add:
    return isNondecreasing(binary.getLHS()) && isNondecreasing(binary.getRHS());
  case AffineExprKind::Mul:
  case AffineExprKind::FloorDiv:
    return factor && *factor > 0 && isNondecreasing(binary.getLHS());
  default:
    return false;
  }
}

bool Symbols::raiseMinimum(AffineExpr expr, const Twine &why) {
  if (!isNondecreasing(expr))
    return false;
  std::optional<unsigned> only;
  for (unsigned i = 0; i < live.size(); ++i) {
    if (!expr.isFunctionOfSymbol(i))
      continue;
    if (only)
      return false;
    only = i;
  }
  if (!only || live[*only].isData)
    return false;
  SymbolInfo bounds = live[*only];
  auto holds = [&](int64_t value) {
    std::vector<SymbolInfo> at = live;
    at[*only].min = at[*only].max = value;
    DimRange range = getDimRange(expr, at);
    return range.min && *range.min >= 0;
  };
  constexpr int64_t kLargest = int64_t(1) << 40;
  int64_t low = bounds.min, high = std::min(bounds.max, kLargest);
  if (low > high || !holds(high))
    return false;
  while (low < high) {
    int64_t middle = low + (high - low) / 2;
    if (holds(middle))
      high = middle;
    else
      low = middle + 1;
  }
  bounds.min = low;
  live[*only] = known.all[liveToAll[*only]].info = bounds;
  known.remarks.push_back(
      ("dimension " + quote(bounds.name) + " is at least " + Twine(low) + ": " + why).str());
  return true;
}

//===----------------------------------------------------------------------===//
// Equations
//===----------------------------------------------------------------------===//

bool Symbols::isKnownAt(AffineExpr expr, const Place &place) const {
  bool isKnown = true;
  expr.walk([&](AffineExpr part) {
    auto symbol = dyn_cast<AffineSymbolExpr>(part);
    if (!symbol || !live[symbol.getPosition()].isData)
      return;
    const Place &other = places[symbol.getPosition()];
    isKnown &= other.order != 0 && other.order < place.order;
    unsigned around = place.region;
    while (around > other.region)
      around = regions[around].outer;
    isKnown &= around == other.region;
  });
  return isKnown;
}

bool Symbols::isBranchSince(unsigned outer) const {
  for (unsigned inner = region; inner > outer; inner = regions[inner].outer)
    if (regions[inner].isBranch)
      return true;
  return false;
}

bool Symbols::isVisible(AffineExpr expr) const {
  return isKnownAt(expr, {region, numDeclared + 1});
}

bool Symbols::solve(unsigned index, AffineExpr solution, const Twine &why) {
  // An input's dimension is known before any data, and data in its order.
  if (!isKnownAt(solution, live[index].isData ? places[index] : Place()))
    return false;
  if (getConstantDim(solution) && isBranchSince(places[index].region))
    return false;
  DimRange range = getDimRange(solution, live);
  const SymbolInfo &removed = live[index];
  // What the data gives is checked when it is there.
  if (!removed.isData && (!range.min || *range.min < 0))
    return false;
  std::string text = "dimension " + quote(removed.name) + " is " + print(solution) + ": " + why.str();
  if (auto other = dyn_cast<AffineSymbolExpr>(solution)) {
    SymbolInfo &kept = known.all[liveToAll[other.getPosition()]].info;
    int64_t min = std::max(kept.min, removed.min), max = std::min(kept.max, removed.max);
    if (min > max)
      return false;
    kept.min = min;
    kept.max = max;
    text = "dimensions " + quote(kept.name) + " and " + quote(removed.name) +
           " are one: " + why.str();
  } else if (std::optional<int64_t> constant = getConstantDim(solution)) {
    if (*constant < removed.min || *constant > removed.max)
      return false;
  } else if (removed.isData) {
    if (removed.max != INT64_MAX)
      return false;
  } else if (removed.max != INT64_MAX || removed.min > *range.min) {
    // The removed symbol's bounds would have nowhere to live.
    if (!requireNonNegative(solution - removed.min, why) ||
        (removed.max != INT64_MAX &&
         !requireNonNegative(getAffineConstantExpr(removed.max, context) - solution, why)))
      return false;
  }
  known.all[liveToAll[index]].solution = toAll(solution);
  if (!areSolutionsSimple()) {
    known.all[liveToAll[index]].solution = nullptr;
    return false;
  }
  known.remarks.push_back(text);
  return true;
}

Symbols::Unification Symbols::unify(AffineExpr a, AffineExpr b, const Twine &why) {
  AffineExpr difference = normalizeDim(a - b);
  if (isConstantDim(difference, 0))
    return Unification::Equal;
  // Bounds may leave one value, which the types do not say yet.
  if (isEqual(a, b) == false)
    return Unification::Impossible;
  difference = getPrimitivePart(difference);
  // The symbol that was named last goes, unless only another has a solution
  // that cannot become negative.
  for (unsigned i = live.size(); i-- > 0;) {
    std::optional<int64_t> coefficient = getLinearCoefficient(difference, i);
    if (coefficient != 1 && coefficient != -1)
      continue;
    AffineExpr symbol = getAffineSymbolExpr(i, context);
    AffineExpr rest = normalizeDim(difference - symbol * *coefficient);
    if (solve(i, normalizeDim(rest * -*coefficient), why))
      return Unification::Restart;
  }
  return Unification::Impossible;
}

Symbols::Unification Symbols::makeMultiple(unsigned symbol, int64_t factor, const Twine &why) {
  SymbolInfo info = live[symbol];
  if (info.isData || factor < 1)
    return Unification::Impossible;
  if (factor == 1)
    return Unification::Equal;
  SymbolInfo part;
  part.name = info.name + "/" + std::to_string(factor);
  part.min = llvm::divideCeilSigned(info.min, factor);
  part.max = info.max == INT64_MAX ? INT64_MAX : llvm::divideFloorSigned(info.max, factor);
  if (part.min > part.max || isDeclared(part.name))
    return Unification::Impossible;
  declare(part.name);
  known.all.back().info = part;
  if (part.min == part.max)
    known.all.back().solution = getAffineConstantExpr(part.min, context);
  known.all[liveToAll[symbol]].solution = getAffineSymbolExpr(known.all.size() - 1, context) * factor;
  known.remarks.push_back(
      ("dimension " + quote(info.name) + " is a multiple of " + Twine(factor) + ": " + why).str());
  return Unification::Restart;
}

void Symbols::addRemark(const Twine &remark) {
  if (!llvm::is_contained(known.remarks, remark.str()))
    known.remarks.push_back(remark.str());
}

std::string Symbols::print(AffineExpr expr) const {
  if (!expr)
    return "?";
  // Upstream prints s0, s1, ...; each is replaced by its name.
  std::string text = toString(expr), result;
  for (size_t i = 0; i < text.size(); ++i) {
    unsigned number;
    size_t end = i + 1;
    while (end < text.size() && llvm::isDigit(text[end]))
      ++end;
    bool isWord = i > 0 && llvm::isAlnum(text[i - 1]);
    if (text[i] == 's' && !isWord && end > i + 1 &&
        !StringRef(text).slice(i + 1, end).getAsInteger(10, number) && number < live.size()) {
      result += escapeName(live[number].name);
      i = end - 1;
    } else {
      result += text[i];
    }
  }
  return result;
}

std::string Symbols::print(ArrayRef<AffineExpr> dims) const {
  std::string text = "[";
  for (auto [index, dim] : llvm::enumerate(dims))
    text += (index ? ", " : "") + print(dim);
  return text + "]";
}

} // namespace winnow::import
