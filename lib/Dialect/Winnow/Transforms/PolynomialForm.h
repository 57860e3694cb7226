//===- PolynomialForm.h - Values as polynomials in another value ----------===//
//
// What an exporter makes of a polynomial with coefficients by channel is powers,
// stacks of them, products with matrices and movement between. Here each value is
// brought to one form: the sum of c_i x^i (and of |x|), where c_i are numbers over
// parts of x's dimensions.
//
//===----------------------------------------------------------------------===//

#ifndef WINNOW_LIB_DIALECT_TRANSFORMS_POLYNOMIALFORM_H
#define WINNOW_LIB_DIALECT_TRANSFORMS_POLYNOMIALFORM_H

#include "Utils.h"

#include "llvm/ADT/DenseMap.h"
#include <map>
#include <vector>

namespace winnow {

/// A part of a dimension, by its number: reshapes split and join dimensions, and
/// parts are what stays whole.
using Part = unsigned;
using Parts = llvm::SmallVector<Part, 2>;

/// Numbers over parts, row-major; one number without any.
struct Numbers {
  Parts parts;
  std::vector<double> values;
};

/// x^power, or |x| x^(power - 1).
struct Power {
  unsigned power = 0;
  bool isAbs = false;
  bool operator<(const Power &other) const {
    return std::tie(power, isAbs) < std::tie(other.power, other.isAbs);
  }
};

/// Terms that are zero everywhere are left out.
using PolynomialTerms = std::map<Power, Numbers>;

/// A value in terms of x: `terms` + `scale` |`inner`|.
struct PolynomialForm {
  /// The parts of each dimension, outermost first; none for size 1.
  llvm::SmallVector<Parts> dims;
  PolynomialTerms terms, inner;
  std::optional<Numbers> scale;

  bool isConstant() const {
    return !scale && llvm::all_of(terms, [](auto &term) { return term.first.power == 0; });
  }
};

/// Where conditions on x change, in order: the pieces are what is between two of them and
/// at both ends.
struct Cuts {
  Part pieces;
  Parts channels; ///< over which the cuts vary
  int64_t count;
  std::vector<double> values; ///< [channels, count]
};

/// The forms of values in terms of one value `x`.
class PolynomialForms {
public:
  PolynomialForms(mlir::Value x, unsigned numSymbols);

  /// Absent where the value is no such function of x alone.
  std::optional<PolynomialForm> get(mlir::Value value);
  /// Lets coefficients vary over pieces of x's axis, which `comparisons` of x with
  /// constants cut. Fails where they are not all of half-open intervals, or cut the axes of
  /// channels into different numbers of pieces. To be called first.
  bool cut(llvm::ArrayRef<CompareOp> comparisons);
  const std::optional<Cuts> &getCuts() const { return cuts; }
  /// A guard against NaN was taken for one that does nothing.
  bool ignoresNaN() const { return hasNaNGuard; }
  /// x's own dimensions.
  llvm::SmallVector<Parts> getBaseDims() { return resolveDims(baseDims); }
  /// Gives `form` the dimensions of `dims` where its own are of constants.
  bool align(PolynomialForm &form, llvm::ArrayRef<Parts> dims);
  /// The parts that parts were split into since.
  Parts resolve(llvm::ArrayRef<Part> parts) const;
  llvm::SmallVector<Parts> resolveDims(llvm::ArrayRef<Parts> dims) const;
  void resolve(Numbers &numbers) const { numbers.parts = resolve(numbers.parts); }

  mlir::AffineExpr getSize(Part part) const { return infos[part].size; }
  std::optional<int64_t> getStaticSize(llvm::ArrayRef<Part> parts) const;
  /// The numbers over `parts`, which hold all of theirs.
  std::vector<double> expand(const Numbers &numbers, llvm::ArrayRef<Part> parts) const;

  /// Whether the op is one that forms are made through.
  static bool isKnown(mlir::Operation *op);
  /// One of the conditions that `cut` is for, or what selects by them.
  static bool isConditional(mlir::Operation *op);
  /// A constant behind movement.
  static bool isConstantTree(mlir::Value value);

private:
  /// Beyond these a value is no polynomial worth the name.
  static constexpr unsigned kMaxDegree = 32;
  static constexpr size_t kMaxNumbers = 1 << 22;

  struct PartInfo {
    mlir::AffineExpr size;
    /// Of constants: x does not vary over it, and it may be taken for another part.
    bool isFree;
    Parts split;
  };
  using Form = PolynomialForm;
  using OptionalForm = std::optional<PolynomialForm>;

  Part addPart(mlir::AffineExpr size, bool isFree);
  Parts addDim(mlir::AffineExpr size, bool isFree);
  void split(Part part, llvm::ArrayRef<mlir::AffineExpr> sizes);
  bool isFree(llvm::ArrayRef<Part> parts) const;
  int64_t sizeOf(Part part) const { return *getConstantDim(infos[part].size); }
  void resolve(Form &form) const;

  bool refine(llvm::ArrayRef<Part> a, llvm::ArrayRef<Part> b);
  bool alignDim(Form &form, size_t dim, llvm::ArrayRef<Part> target);
  bool alignAll(llvm::MutableArrayRef<Form> forms, std::optional<size_t> except = std::nullopt);

  std::optional<Numbers> combine(const Numbers &a, const Numbers &b,
                                 llvm::function_ref<double(double, double)> function) const;
  Numbers map(Numbers numbers, llvm::function_ref<double(double)> function) const;
  Numbers compress(Numbers numbers) const;
  Numbers sumOver(const Numbers &numbers, llvm::ArrayRef<Part> parts) const;
  bool addTo(PolynomialTerms &terms, Power power, const Numbers &numbers) const;
  std::optional<PolynomialTerms> multiply(const PolynomialTerms &a, const PolynomialTerms &b) const;
  bool areApart(const PolynomialTerms &terms) const;
  void transform(Form &form, llvm::function_ref<Numbers(const Numbers &)> function) const;

  /// x compared with numbers: true from them on, or up to them.
  struct Condition {
    llvm::SmallVector<Parts> dims;
    Numbers bounds;
    bool isAbove;
  };

  OptionalForm compute(mlir::Operation *op);
  OptionalForm computeConditional(mlir::Operation *op);
  std::optional<Condition> getCondition(CompareOp op, bool &isClosedBelow);
  OptionalForm ofCondition(const Condition &condition);
  OptionalForm makeZero(mlir::Value like);
  OptionalForm negate(Form form);
  OptionalForm ofConstant(ConstantOp op);
  OptionalForm ofSum(Form a, Form b);
  OptionalForm ofProduct(Form a, Form b);
  OptionalForm ofReciprocal(Form form);
  OptionalForm ofPower(Form base, Form exponent);
  OptionalForm ofAbs(Form form);
  OptionalForm ofReshape(Form form, mlir::Value from, mlir::Value to);
  OptionalForm ofBroadcast(Form form, mlir::Value to);
  OptionalForm ofConcat(ConcatOp op);
  OptionalForm ofSlice(SliceOp op, Form form);
  OptionalForm ofMatMul(Form lhs, Form rhs);
  OptionalForm ofSum(Form form, llvm::ArrayRef<int64_t> axes, bool keepdims);

  unsigned numSymbols;
  mlir::Value base;
  std::vector<PartInfo> infos;
  llvm::SmallVector<Parts> baseDims;
  llvm::DenseMap<mlir::Value, OptionalForm> known;
  std::optional<Cuts> cuts;
  llvm::DenseMap<mlir::Operation *, Condition> conditions;
  bool hasNaNGuard = false;
};

} // namespace winnow

#endif // WINNOW_LIB_DIALECT_TRANSFORMS_POLYNOMIALFORM_H
