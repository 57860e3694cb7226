//===- Lowering.h - What the lowering patterns share ----------------------===//

#ifndef WINNOW_LIB_CONVERSION_WINNOWTOLINALG_LOWERING_H
#define WINNOW_LIB_CONVERSION_WINNOWTOLINALG_LOWERING_H

#include "winnow/Dialect/Winnow/IR/DimAlgebra.h"
#include "winnow/Dialect/Winnow/IR/Winnow.h"
#include "winnow/Support/CPULevel.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Transforms/DialectConversion.h"
#include "llvm/ADT/MapVector.h"

namespace winnow {

/// The weights file as it grows: equal (layout, parts) are one entry. Only
/// what the lowered code still reads gets a place in the file: a constant that
/// was packed for every linear layer that uses it is not stored plainly too.
class WeightPlan {
public:
  /// The parts are constants joined along the output-channel dimension, as
  /// getConstantPart gives them; `layout` says how their elements lie in the file.
  /// Returns the entry's number.
  int64_t add(llvm::ArrayRef<mlir::Attribute> parts, mlir::DictionaryAttr layout,
              int64_t bytes);
  /// Reads an entry as a tensor of the static type through the entry function's
  /// weights argument.
  mlir::Value read(mlir::OpBuilder &b, mlir::Location loc, int64_t entry,
                   mlir::RankedTensorType type) const;
  /// Has gathers take the rows of a table from the panels of a linear layer that has
  /// the same table for its weight, as an output layer often has, where nothing else
  /// needs the table as it is.
  void shareTables(mlir::ModuleOp module) const;
  /// Lays out the entries that are read in the module, in the order of their first
  /// use, and returns them as its attribute `winnow.weights`.
  mlir::ArrayAttr layOut(mlir::ModuleOp module) const;

private:
  std::optional<int64_t> findPanels(int64_t dense) const;
  llvm::MapVector<std::pair<mlir::Attribute, mlir::Attribute>, int64_t> bytesOfEntry;
};

/// A constant as a part of a weight: its elements, or, where one transpose among
/// reshapes moves them, [elements, shape, permutation]: they are moved when the file
/// is written. Null for what is computed.
mlir::Attribute getConstantPart(mlir::Value value);

/// The run-time checks of the model, the module attribute `winnow.sites`.
class SiteTable {
public:
  int32_t add(mlir::Location loc, const llvm::Twine &message);
  mlir::ArrayAttr getEntries(mlir::MLIRContext *context) const;

private:
  llvm::SmallVector<std::pair<std::string, std::string>> sites;
};

/// State shared by all patterns of one run.
struct LoweringState {
  explicit LoweringState(const CPULevel &level) : level(level) {}
  const CPULevel &level;
  WeightPlan weights;
  SiteTable sites;
  /// The values of the data symbols that are bound, by functions and numbers.
  llvm::MapVector<std::pair<mlir::Operation *, unsigned>, mlir::Value> dataSymbols;
  /// What reads a data symbol's capacity.
  llvm::SmallPtrSet<mlir::Operation *, 4> capacities;
  /// Gathers of rows that nothing computes, as all that read them read by number.
  llvm::SmallPtrSet<mlir::Operation *, 4> gathersOfRows;
  /// Gathers that put all of a linear's result in another order, which the linear writes it in:
  /// by linears, where pieces of the result go.
  llvm::SmallPtrSet<mlir::Operation *, 4> ordersOfRows;
  llvm::DenseMap<mlir::Operation *, mlir::Value> placesOfRows;
  /// Bases of a KAN that the linears which read them compute.
  llvm::SmallPtrSet<mlir::Operation *, 4> basesInLinears;
};

/// Base of the patterns: sizes, empty tensors and weights at an op.
template <typename Op>
struct LoweringPattern : mlir::OpConversionPattern<Op> {
  LoweringPattern(const mlir::TypeConverter &converter, mlir::MLIRContext *context,
                  LoweringState &state)
      : mlir::OpConversionPattern<Op>(converter, context), state(state) {
    // A pattern may make its own op once more, in f32.
    this->setHasBoundedRewriteRecursion();
  }
  LoweringState &state;
};

/// The value of an expression over the symbols, at the builder's position.
mlir::Value getSize(mlir::OpBuilder &b, mlir::Location loc, mlir::AffineExpr dim);
mlir::OpFoldResult getFoldedSize(mlir::OpBuilder &b, mlir::Location loc, mlir::AffineExpr dim);

/// The type without an encoding and with signless elements, bytes for storage types.
mlir::Type convertElementType(mlir::Type type);
mlir::RankedTensorType convertTensorType(mlir::RankedTensorType type);
mlir::RankedTensorType getPlainType(llvm::ArrayRef<mlir::AffineExpr> dims, mlir::Type element);

mlir::Value createEmpty(mlir::OpBuilder &b, mlir::Location loc,
                        llvm::ArrayRef<mlir::AffineExpr> dims, mlir::Type element);

/// The same elements in another shape: expand and collapse, as few dims as
/// possible in each group, so that strided views stay views.
mlir::Value createReshape(mlir::OpBuilder &b, mlir::Location loc, mlir::Value input,
                          llvm::ArrayRef<mlir::AffineExpr> from,
                          llvm::ArrayRef<mlir::AffineExpr> to);

/// A linalg.generic over `dims` that is parallel in all of them.
mlir::Value createElementwise(
    mlir::OpBuilder &b, mlir::Location loc, llvm::ArrayRef<mlir::AffineExpr> dims,
    mlir::Type element, mlir::ValueRange inputs, llvm::ArrayRef<mlir::AffineMap> maps,
    llvm::function_ref<mlir::Value(mlir::OpBuilder &, mlir::Location, mlir::ValueRange)> body);

/// How an operand of dims `from`, aligned at the last dimension, is indexed by
/// a loop nest over `to`: dimensions of size 1 that the nest repeats read 0.
mlir::AffineMap getBroadcastMap(llvm::ArrayRef<mlir::AffineExpr> from,
                                llvm::ArrayRef<mlir::AffineExpr> to,
                                mlir::MLIRContext *context);

/// Creates a kernel with one output of `dims`.
mlir::Value createKernel(mlir::OpBuilder &b, mlir::Location loc, llvm::StringRef kind,
                         llvm::ArrayRef<mlir::NamedAttribute> config, mlir::ValueRange inputs,
                         llvm::ArrayRef<mlir::AffineExpr> dims, mlir::Type element,
                         std::optional<int32_t> site = std::nullopt);

/// Finds the linears whose result a gather puts in another order.
void findPlacesOfRows(mlir::ModuleOp module, LoweringState &state);

/// Finds the bases that the linear which alone reads them is to compute.
void findBasesInLinears(mlir::ModuleOp module, LoweringState &state);

/// What kernels say of a basis op, and its table [parameter, D] or [parameter, 1]: knots or
/// centers, what is made of them, and the coefficients.
struct BasisParts {
  llvm::StringRef kind;
  llvm::SmallVector<mlir::NamedAttribute> config;
  mlir::Value table;
};
BasisParts createBasisParts(mlir::OpBuilder &b, mlir::Operation *basis);

/// An operand of a kernel of rows [.., features]: as [rows, features]; or, of a gather of rows
/// that nothing computes, what it gathers from, with the numbers.
struct RowsOperand {
  mlir::Value matrix, numbers;
};
RowsOperand getRows(mlir::ConversionPatternRewriter &rewriter, mlir::Location loc,
                    mlir::Value original, mlir::Value converted, const LoweringState &state);

/// The expression of a constant.
inline mlir::AffineExpr constantDim(int64_t value, mlir::MLIRContext *context) {
  return mlir::getAffineConstantExpr(value, context);
}
/// `dims` as three: what is before `axis`, the axis, what is after it.
Dims splitAtAxis(llvm::ArrayRef<mlir::AffineExpr> dims, size_t axis, mlir::MLIRContext *context);

/// The entry function's symbol arguments follow the weights argument.
mlir::LogicalResult prepareEntry(mlir::func::FuncOp entry);
mlir::LogicalResult finishEntry(mlir::func::FuncOp entry);

/// Where data has bound a symbol, its value takes the place of the argument,
/// which is the symbol's capacity. Fails if something else reads the argument.
mlir::LogicalResult useDataSymbols(mlir::func::FuncOp entry, const LoweringState &state);

void populateAttentionPatterns(mlir::RewritePatternSet &, const mlir::TypeConverter &,
                               LoweringState &);
void populateControlFlowPatterns(mlir::RewritePatternSet &, const mlir::TypeConverter &,
                                 LoweringState &);
void populateElementwisePatterns(mlir::RewritePatternSet &, const mlir::TypeConverter &,
                                 LoweringState &);
void populateMovementPatterns(mlir::RewritePatternSet &, const mlir::TypeConverter &,
                              LoweringState &);
void populateIndexingPatterns(mlir::RewritePatternSet &, const mlir::TypeConverter &,
                              LoweringState &);
void populateProbSparsePatterns(mlir::RewritePatternSet &, const mlir::TypeConverter &,
                                LoweringState &);
void populateRandomPatterns(mlir::RewritePatternSet &, const mlir::TypeConverter &,
                            LoweringState &);
void populateReductionPatterns(mlir::RewritePatternSet &, const mlir::TypeConverter &,
                               LoweringState &);
void populateKanPatterns(mlir::RewritePatternSet &, const mlir::TypeConverter &, LoweringState &);
void populateLinearPatterns(mlir::RewritePatternSet &, const mlir::TypeConverter &,
                            LoweringState &);
void populateQuantizedPatterns(mlir::RewritePatternSet &, const mlir::TypeConverter &,
                               LoweringState &);
void populateKernelPatterns(mlir::RewritePatternSet &, const mlir::TypeConverter &,
                            LoweringState &);

} // namespace winnow

#endif // WINNOW_LIB_CONVERSION_WINNOWTOLINALG_LOWERING_H
