//===- GraphImporter.h - Walks the graph ----------------------------------===//

#ifndef WINNOW_LIB_IMPORT_ONNX_GRAPHIMPORTER_H
#define WINNOW_LIB_IMPORT_ONNX_GRAPHIMPORTER_H

#include "OpTable.h"
#include "winnow/Import/ONNX/Import.h"
#include "winnow/Support/Quote.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/StringSet.h"
#include <deque>

namespace winnow::import {

/// How often as many nodes as a model may have are visited before the import
/// gives up.
inline constexpr int64_t kMaxVisits = 8;

/// A dynamic dimension's name: the model's, or one made of the input's name.
std::string getDimName(const onnx::ValueInfoProto &input, int index);

/// Opset versions by domain.
using Opsets = llvm::StringMap<int64_t>;

/// One attempt at importing a model; see Symbols for why there may be several.
class GraphImporter {
public:
  GraphImporter(LoadedModel &loaded, const ImportOptions &options, Symbols &symbols,
                TensorReader &tensors, mlir::Location modelLoc);

  enum class Outcome { Done, Failed, Restart };
  Outcome run(mlir::ModuleOp module);
  /// What the run found; it has failed if anything is unsupported.
  ImportFindings takeFindings();
  bool usesRandomNumbers() const { return streams.isUsed; }
  int64_t getNumVisits() const { return numVisits; }

  /// What imports an If, a Loop or a Scan.
  struct BranchImporter;
  struct LoopImporter;

private:
  /// The names that nodes can see. A branch of an If sees those around it, a
  /// function only its own.
  struct Scope {
    const Scope *parent = nullptr;
    llvm::StringMap<ImportedValue *> values;
    const Opsets *opsets = nullptr;
    /// What node names start with inside an inlined function or branch.
    std::string prefix;
    unsigned depth = 0;
    /// Substitutes for the function's attributes.
    const onnx::NodeProto *call = nullptr;
    const onnx::FunctionProto *function = nullptr;
  };
  /// Graphs and calls inside each other.
  static constexpr unsigned kMaxNesting = 64;
  using Nodes = google::protobuf::RepeatedPtrField<onnx::NodeProto>;

  bool importInputs(const onnx::GraphProto &graph, Scope &scope, mlir::func::FuncOp func);
  bool importInitializers(const onnx::GraphProto &graph, Scope &scope);
  bool importInitializer(const onnx::TensorProto &tensor, Scope &scope);
  bool importOutputs(const onnx::GraphProto &graph, Scope &scope, mlir::func::FuncOp func);
  bool importNodes(const Nodes &nodes, Scope &scope);
  bool importNode(const onnx::NodeProto &node, size_t index, Scope &scope);
  /// The node with the call's attributes in place of the function's: itself
  /// outside functions, null with an error above the limit.
  const onnx::NodeProto *substituteAttributes(const onnx::NodeProto &node, const Scope &scope,
                                              mlir::Location loc);
  /// Counts what inlining copies; false with an error above the limit.
  bool addCopiedBytes(int64_t bytes, mlir::Location loc);
  bool importOp(const onnx::NodeProto &node, const OpEntry &entry, llvm::StringRef name,
                mlir::Location loc, const llvm::SmallVector<ImportedValue *> &inputs, Scope &scope);
  /// A node with subgraphs; its inputs are not poisoned.
  using Inputs = llvm::SmallVector<ImportedValue *>;
  using GraphImport = bool (GraphImporter::*)(const onnx::NodeProto &, llvm::StringRef,
                                              mlir::Location, const Inputs &, Scope &);
  static GraphImport findGraphImport(llvm::StringRef domain, llvm::StringRef op);
  bool importIf(const onnx::NodeProto &node, llvm::StringRef name, mlir::Location loc,
                const Inputs &inputs, Scope &scope);
  bool importLoop(const onnx::NodeProto &node, llvm::StringRef name, mlir::Location loc,
                  const Inputs &inputs, Scope &scope);
  bool importSequenceMap(const onnx::NodeProto &node, llvm::StringRef name, mlir::Location loc,
                         const Inputs &inputs, Scope &scope);
  bool importScan(const onnx::NodeProto &node, llvm::StringRef name, mlir::Location loc,
                  const Inputs &inputs, Scope &scope);
  bool importBatchedScan(const onnx::NodeProto &node, llvm::StringRef name, mlir::Location loc,
                         const Inputs &inputs, Scope &scope, const onnx::GraphProto &body);
  bool importFlexAttention(const onnx::NodeProto &node, llvm::StringRef name, mlir::Location loc,
                           const Inputs &inputs, Scope &scope);
  Scope enter(Scope &outer, llvm::StringRef name) const;
  /// The graph in an attribute of the node; null with an error.
  const onnx::GraphProto *getSubgraph(const onnx::NodeProto &node, llvm::StringRef attribute,
                                      Scope &scope, mlir::Location loc);
  /// The nodes of a subgraph at the builder's position. `results` are its
  /// outputs; they may be poisoned.
  bool importSubgraph(const onnx::GraphProto &graph, llvm::ArrayRef<ImportedValue> arguments,
                      Scope &inner, llvm::SmallVectorImpl<ImportedValue *> &results,
                      mlir::Location loc);
  /// Makes the dimensions of two values equal; a failure of `op` otherwise, or a
  /// restart.
  bool matchTypes(OpImporter &op, mlir::Value a, mlir::Value b, const llvm::Twine &what);
  /// What a failure of a node means for the import.
  bool finishFailed(OpImporter &op, const onnx::NodeProto &node, llvm::StringRef name,
                    Scope &scope, mlir::Location loc);
  bool defineAll(const onnx::NodeProto &node, mlir::ValueRange results, Scope &scope,
                 mlir::Location loc);
  /// The value as data, at the builder's position; null with an error.
  mlir::Value materialize(ImportedValue &value, mlir::Location loc);
  bool importCall(const onnx::NodeProto &node, const onnx::FunctionProto &function,
                  llvm::StringRef name, mlir::Location loc,
                  const llvm::SmallVector<ImportedValue *> &inputs, Scope &scope);

  ImportedValue *lookup(llvm::StringRef name, const Scope &scope) const;
  bool define(llvm::StringRef name, ImportedValue value, Scope &scope, mlir::Location loc);
  /// Poisons the outputs and remembers why.
  bool refuse(const onnx::NodeProto &node, llvm::StringRef name, const llvm::Twine &reason,
              const llvm::Twine &hint, Scope &scope, mlir::Location loc);
  /// Remembers that an input, output or initializer has a type that is unsupported.
  void refuseTensor(Unsupported::Kind kind, llvm::StringRef name, const llvm::Twine &dtype,
                    const llvm::Twine &reason);
  bool refuseInput(const onnx::ValueInfoProto &input, const llvm::Twine &dtype,
                   const llvm::Twine &reason, Scope &scope, mlir::Location loc);
  bool poisonOutputs(const onnx::NodeProto &node, Scope &scope, mlir::Location loc);
  /// The same for a node that is supported but reads such values.
  bool passPoison(const onnx::NodeProto &node, Scope &scope, mlir::Location loc);
  bool error(mlir::Location loc, const llvm::Twine &message);
  std::string describe(const onnx::NodeProto &node, const Scope &scope) const;
  bool readOpsets(const google::protobuf::RepeatedPtrField<onnx::OperatorSetIdProto> &imports,
                  Opsets &opsets, mlir::Location loc);

  LoadedModel &loaded;
  const onnx::ModelProto &model;
  mlir::Location modelLoc;
  const ImportOptions &options;
  Symbols &symbols;
  TensorReader &tensors;
  mlir::MLIRContext *context;
  mlir::OpBuilder builder;
  RandomStreams streams;

  std::deque<ImportedValue> arena;
  std::deque<Opsets> functionOpsets;
  llvm::StringMap<const onnx::FunctionProto *> functions;
  int64_t copiedBytes = 0, numOps = 0, numVisits = 0;
  llvm::StringSet<> uses;
  std::vector<Unsupported> unsupported;
  int64_t numUnchecked = 0;
  llvm::SmallVector<const onnx::FunctionProto *> callStack;
  /// Of values of the main graph, as the model declares them.
  llvm::StringMap<int64_t> declaredRanks;
  int64_t numNodes = 0;
  bool restart = false;
};

} // namespace winnow::import

#endif // WINNOW_LIB_IMPORT_ONNX_GRAPHIMPORTER_H
