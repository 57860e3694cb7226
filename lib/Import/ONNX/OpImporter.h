//===- OpImporter.h - What the importer of one node sees ------------------===//
//
// The functions that import operators are written against this class. An error
// is sticky: the first one is kept, and everything that is built after it is a
// null value, so that the functions read as straight lines.
//
//===----------------------------------------------------------------------===//

#ifndef WINNOW_LIB_IMPORT_ONNX_OPIMPORTER_H
#define WINNOW_LIB_IMPORT_ONNX_OPIMPORTER_H

#include "SymbolicValues.h"
#include "Tensors.h"
#include "winnow/Dialect/Winnow/IR/Winnow.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/Diagnostics.h"

namespace winnow::import {

struct ImportedValue;

/// A sequence of tensors: a list that only the importer sees or, where their
/// number is dynamic, equally shaped ones along dimension 0 of one tensor.
struct Sequence {
  mlir::Type elementType;
  std::vector<std::shared_ptr<ImportedValue>> elements;
  /// Null for a list.
  mlir::Value stack;
  /// The list is what an iteration appends to a sequence that its loop carries.
  bool isOpen = false;
};

/// A value of the ONNX graph.
struct ImportedValue {
  /// Null for what is no tensor.
  mlir::RankedTensorType type;
  /// Null until some node uses the value as data.
  mlir::Value value;
  const onnx::TensorProto *initializer = nullptr;
  std::optional<KnownTensor> known;
  std::shared_ptr<const Sequence> sequence;
  /// An optional without an element; one with an element is that element.
  bool isEmpty = false;
  /// The value of a node that could not be imported.
  bool isPoisoned = false;
  std::string name;

  /// What the value is for messages: "a tensor", "a sequence".
  llvm::StringRef describeKind() const;
};

/// Why a node could not be imported.
struct Failure {
  /// Unsupported is a limit of the importer, to be listed with others; invalid
  /// a fault of the model; restart no failure at all (see Symbols).
  enum class Kind { None, Unsupported, Invalid, Restart } kind = Kind::None;
  std::string message, hint;
};

/// Prefixes this short are taken to be there (a class token, a few special
/// tokens); longer ones may be truncation, whose size has no expression.
inline constexpr int64_t kShortPrefix = 16;

/// Numbers the random operators that have no seed of their own: the stream of
/// each is its place among them, the seed that of the compile.
struct RandomStreams {
  uint32_t seed = 0;
  uint32_t numStreams = 0;
  bool isUsed = false;
};

class OpImporter {
public:
  OpImporter(const onnx::NodeProto &node, std::string name, int64_t opset, mlir::Location loc,
             mlir::OpBuilder &builder, Symbols &symbols, TensorReader &tensors,
             RandomStreams &streams, llvm::SmallVector<ImportedValue *> inputs)
      : node(node), name(std::move(name)), opset(opset), loc(loc), b(builder), symbols(symbols),
        streams(streams), tensors(tensors), inputs(std::move(inputs)),
        outputs(node.output_size()) {}

  const onnx::NodeProto &node;
  /// For messages: never empty, quoted, without control characters.
  const std::string name;
  const int64_t opset;
  const mlir::Location loc;
  mlir::OpBuilder &b;
  Symbols &symbols;
  RandomStreams &streams;
  /// The rank of the first output, where the model declares it.
  std::optional<int64_t> declaredRank;

  //===--- Inputs ---===//

  size_t numInputs() const { return inputs.size(); }
  bool has(size_t i) const { return i < inputs.size() && inputs[i]; }
  /// The input as data, null where it is left out.
  mlir::Value in(size_t i) { return has(i) ? materialize(*inputs[i]) : mlir::Value(); }
  /// A tensor as data.
  mlir::Value materialize(ImportedValue &value);
  /// The input as a sequence, null for others; what else it is.
  const Sequence *sequence(size_t i) const { return has(i) ? inputs[i]->sequence.get() : nullptr; }
  bool isEmpty(size_t i) const { return has(i) && inputs[i]->isEmpty; }
  llvm::StringRef describeKind(size_t i) const { return inputs[i]->describeKind(); }
  /// The input as an element of sequences.
  std::shared_ptr<ImportedValue> share(size_t i) const {
    return std::make_shared<ImportedValue>(*inputs[i]);
  }
  mlir::RankedTensorType type(size_t i) const { return inputs[i]->type; }
  mlir::Type elementType(size_t i) const { return type(i).getElementType(); }
  int64_t rank(size_t i) const { return type(i).getRank(); }
  Dims dims(size_t i) const { return getDims(type(i)); }
  Dims dims(mlir::Value value) const { return value ? getDims(value) : Dims(); }
  /// The input's elements if they are known up to symbols.
  const KnownTensor *known(size_t i) const;
  bool areAllKnown() const;
  /// The input's elements as numbers; unsupported if they are not known.
  mlir::SmallVector<int64_t> constants(size_t i, llvm::StringRef what);
  /// The input's elements as sizes: known ones, or data symbols with the names
  /// `what.0`, `what.1`, ...; negative data fails the run. There are `number` of
  /// them, if that is known.
  mlir::SmallVector<mlir::AffineExpr> sizes(size_t i, llvm::StringRef what,
                                            std::optional<int64_t> number = std::nullopt);
  /// The length of an input of rank 1, which is `number` if that is known: data of
  /// another length fails the run. Absent with an error if nothing tells it.
  std::optional<int64_t> length(size_t i, const llvm::Twine &what,
                                std::optional<int64_t> number);
  /// The same for an input with an element for each dimension of the result, or for
  /// some: unsupported above the limit of ranks.
  std::optional<int64_t> lengthForRank(size_t i, std::optional<int64_t> number);
  /// The input's only element as a count; less than 0 is none.
  mlir::AffineExpr count(size_t i, llvm::StringRef what);
  /// Invalid for an input of other elements, which are no shape or position.
  void checkIntegers(size_t i);
  bool isInitializer(size_t i) const { return has(i) && inputs[i]->initializer; }

  //===--- Attributes ---===//

  bool hasAttr(llvm::StringRef name) const { return find(name) != nullptr; }
  int64_t intAttr(llvm::StringRef name, int64_t otherwise);
  int64_t requiredIntAttr(llvm::StringRef name);
  double floatAttr(llvm::StringRef name, double otherwise);
  std::string stringAttr(llvm::StringRef name, llvm::StringRef otherwise);
  std::optional<mlir::SmallVector<int64_t>> intsAttr(llvm::StringRef name);
  /// Empty where they are left out.
  mlir::SmallVector<double> floatsAttr(llvm::StringRef name);
  mlir::SmallVector<std::string> stringsAttr(llvm::StringRef name);
  const onnx::AttributeProto *find(llvm::StringRef name) const;
  /// A tensor in an attribute or elsewhere, as a constant's value.
  mlir::ElementsAttr read(const onnx::TensorProto &tensor);
  mlir::Type getDataType(int64_t dataType);

  //===--- Outputs ---===//

  /// The node names this output.
  bool isUsed(size_t output) const {
    return output < outputs.size() && !node.output(output).empty();
  }
  void set(size_t output, mlir::Value value);
  void set(mlir::Value value) { set(0, value); }
  void set(size_t output, const ImportedValue &value);
  void set(Sequence sequence);
  void setEmpty() { outputs[0].isEmpty = true; }
  void setKnown(const std::optional<KnownTensor> &known, size_t output = 0);
  /// The output is this constant, read when it is used.
  void setTensor(const onnx::TensorProto &tensor);
  void setTensor(const onnx::SparseTensorProto &tensor);
  /// The output is this input: no op at all.
  void forward(size_t input, size_t output = 0);
  llvm::ArrayRef<ImportedValue> getOutputs() const { return outputs; }

  //===--- Errors ---===//

  void unsupported(const llvm::Twine &message, const llvm::Twine &hint = "");
  void invalid(const llvm::Twine &message);
  bool failed() const { return failure.kind != Failure::Kind::None; }
  const Failure &getFailure() const { return failure; }

  //===--- Facts ---===//

  mlir::AffineExpr constant(int64_t value) { return b.getAffineConstantExpr(value); }
  /// An axis in [-rank, rank) as one in [0, rank); invalid otherwise.
  int64_t normalizeAxis(int64_t axis, int64_t rank);
  mlir::SmallVector<int64_t> normalizeAxes(mlir::ArrayRef<int64_t> axes, int64_t rank);
  /// Data gives some size in the expression: what would restrict it is rather
  /// computed at run time.
  bool dependsOnData(mlir::AffineExpr expr) const {
    return winnow::dependsOnData(expr, symbols.getLive());
  }
  /// Makes two dimensions equal (see Symbols::unify).
  bool unify(mlir::AffineExpr a, mlir::AffineExpr b, const llvm::Twine &what);
  /// The same, but equality that no equation between symbols can state is left to
  /// the run, which fails unless it holds. The dimensions remain two expressions.
  bool equate(mlir::AffineExpr a, mlir::AffineExpr b, const llvm::Twine &what);
  /// The quotient of dimensions that must come out even. A symbol that is divided
  /// becomes a multiple (see Symbols); what else is not sure is computed and checked
  /// in the run.
  mlir::AffineExpr divide(mlir::AffineExpr dividend, mlir::AffineExpr divisor,
                          const llvm::Twine &what);
  /// numpy broadcasting that equates dimensions (see equate).
  Dims broadcast(mlir::ArrayRef<Dims> shapes);
  /// An operand in the dimensions that `broadcast` made of its own and others: what
  /// is not 1 in it is written as they are.
  mlir::Value adopt(mlir::Value operand, mlir::ArrayRef<mlir::AffineExpr> common);
  std::string text(mlir::AffineExpr expr) const { return symbols.print(expr); }
  std::string text(mlir::ArrayRef<mlir::AffineExpr> dims) const { return symbols.print(dims); }
  /// A tensor type whose static size fits in memory; null with an error.
  mlir::RankedTensorType makeType(mlir::ArrayRef<mlir::AffineExpr> dims, mlir::Type elementType);
  /// Unsupported if an expression has grown beyond use.
  bool checkSimple(mlir::ArrayRef<mlir::AffineExpr> exprs);

  /// The integer of one element as the size of dimensions: a data symbol called
  /// `NODE.what`, or what the graph says it is equal to. `bound` is the most that
  /// it can be, null if nothing is known.
  mlir::AffineExpr bindSize(mlir::Value value, const llvm::Twine &what, mlir::AffineExpr bound);
  /// The two halves of bindSize, for a size whose capacity is read before it is
  /// bound.
  mlir::AffineExpr declareSize(const llvm::Twine &what, mlir::AffineExpr bound);
  void bindSize(mlir::Value value, mlir::AffineExpr size);
  /// The most that a declared size can be in this run, as an int64 of rank 0.
  mlir::Value makeCapacity(mlir::AffineExpr size);

  //===--- Building ---===//

  /// An op whose result type follows from its operands. What does not fit is
  /// an error that names the node.
  template <typename OpTy, typename... Args> mlir::Value make(Args &&...args) {
    if (failed())
      return nullptr;
    mlir::OperationState state(loc, OpTy::getOperationName());
    OpTy::build(b, state, mlir::Type(b.getNoneType()), std::forward<Args>(args)...);
    if constexpr (OpTy::template hasTrait<ElementwiseOpInterface::Trait>())
      if (!align(state.operands))
        return nullptr;
    typename OpTy::Adaptor adaptor(state.operands, state.attributes.getDictionary(b.getContext()),
                                   state.getRawProperties());
    mlir::FailureOr<mlir::RankedTensorType> type = mlir::failure();
    capture([&] { type = OpTy::inferType(loc, adaptor); });
    if (mlir::failed(type))
      return nullptr;
    state.types.assign(1, *type);
    return finish(state);
  }
  /// An op whose result type is given.
  template <typename OpTy, typename... Args>
  mlir::Value makeAs(mlir::RankedTensorType type, Args &&...args) {
    if (failed() || !type)
      return nullptr;
    mlir::OperationState state(loc, OpTy::getOperationName());
    OpTy::build(b, state, mlir::Type(type), std::forward<Args>(args)...);
    return finish(state);
  }
  /// An op of several results, whose types are given; null on failure.
  template <typename OpTy, typename... Args>
  OpTy makeMany(llvm::ArrayRef<mlir::RankedTensorType> types, Args &&...args) {
    if (failed() || llvm::is_contained(types, nullptr))
      return nullptr;
    mlir::OperationState state(loc, OpTy::getOperationName());
    llvm::SmallVector<mlir::Type> results(types.begin(), types.end());
    OpTy::build(b, state, mlir::TypeRange(results), std::forward<Args>(args)...);
    mlir::Value first = finish(state);
    return first ? first.getDefiningOp<OpTy>() : nullptr;
  }
  mlir::Value makeConstant(mlir::ElementsAttr value);
  mlir::Value makeKnown(const KnownTensor &known);
  /// A rank 0 constant of a float, integer or boolean type.
  mlir::Value scalar(mlir::Type elementType, double value);
  mlir::Value scalarLike(mlir::Value like, double value);
  mlir::Value compare(ComparePredicate predicate, mlir::Value lhs, mlir::Value rhs);
  /// The expression's value as an index.
  mlir::Value makeIndex(mlir::AffineExpr expr);
  /// An index, such as the number of a loop's round, as an int64 of rank 0.
  mlir::Value makeNumber(mlir::Value index);
  mlir::Value reshape(mlir::Value input, mlir::ArrayRef<mlir::AffineExpr> dims);
  mlir::Value broadcastTo(mlir::Value input, mlir::ArrayRef<mlir::AffineExpr> dims);
  mlir::Value transpose(mlir::Value input, mlir::ArrayRef<int64_t> permutation);
  /// numpy's matmul, whose symbols it unifies first.
  mlir::Value matmul(mlir::Value lhs, mlir::Value rhs);
  mlir::Value convert(mlir::Value input, mlir::Type elementType);
  /// Narrow floats as f32, in which sums of many of them are kept. Null stays.
  mlir::Value widen(mlir::Value input);
  mlir::Value concat(mlir::ArrayRef<mlir::Value> inputs, int64_t axis);
  mlir::Value reduce(ReduceKind kind, mlir::Value input, mlir::ArrayRef<int64_t> axes,
                     bool keepdims);
  /// One dimension's part `start, start + step, ...` of `size` elements.
  mlir::Value sliceDim(mlir::Value input, int64_t axis, mlir::AffineExpr start,
                       mlir::AffineExpr size, int64_t step = 1);
  /// The elements of one dimension in reverse order.
  mlir::Value reverse(mlir::Value input, int64_t axis);
  /// start, start + step, ... as a tensor of rank 1.
  mlir::Value iota(mlir::AffineExpr size, mlir::Type elementType, int64_t start = 0,
                   int64_t step = 1);
  /// Runs `body` `count` times, each time on what the last one returned; the
  /// results are the last ones.
  llvm::SmallVector<mlir::Value>
  loop(mlir::AffineExpr count, llvm::ArrayRef<mlir::Value> initial,
       llvm::function_ref<llvm::SmallVector<mlir::Value>(mlir::Value index,
                                                         llvm::ArrayRef<mlir::Value> state)>
           body);

private:
  friend class GraphImporter;
  /// Runs `action` and takes what it says to the diagnostic engine as this
  /// node's failure.
  void capture(llvm::function_ref<void()> action);
  mlir::Value finish(mlir::OperationState &state);
  /// The run fails unless the 64-bit number of rank 0 is the expression's value; a
  /// data symbol that has no value yet gets this one.
  void bind(mlir::Value number, mlir::AffineExpr expr);
  /// For remarks: `node 'x' (Op) needs WHAT`.
  std::string why(const llvm::Twine &what) const;
  /// Gives operands the dimensions in which they broadcast.
  bool align(llvm::MutableArrayRef<mlir::Value> operands);
  int64_t numOps = 0;
  template <typename T>
  const onnx::AttributeProto *findTyped(llvm::StringRef name, T type, const char *typeName);

  TensorReader &tensors;
  llvm::SmallVector<ImportedValue *> inputs;
  llvm::SmallVector<ImportedValue> outputs;
  Failure failure;
};

} // namespace winnow::import

#endif // WINNOW_LIB_IMPORT_ONNX_OPIMPORTER_H
