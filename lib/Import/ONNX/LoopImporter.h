//===- LoopImporter.h - The loops of Loop and Scan ------------------------===//
//
// The body is imported into a draft, a counted loop that carries what every kind
// of loop carries; the real loop, which has the stacked outputs too, takes its
// operations. A Loop whose condition stays true and a Scan become scf.for, any
// other Loop scf.while. A stacked output is a tensor that the loop carries and
// fills slice by slice.
//
//===----------------------------------------------------------------------===//

#ifndef WINNOW_LIB_IMPORT_ONNX_LOOPIMPORTER_H
#define WINNOW_LIB_IMPORT_ONNX_LOOPIMPORTER_H

#include "Subgraphs.h"
#include "Varying.h"

#include "mlir/Dialect/SCF/IR/SCF.h"

namespace winnow::import {

/// One Loop or Scan.
struct GraphImporter::LoopImporter {
  GraphImporter &importer;
  const onnx::NodeProto &node;
  const std::string name;
  const mlir::Location loc;
  Scope &scope;
  const onnx::GraphProto &body;
  OpImporter op;
  mlir::OpBuilder &b;

  LoopImporter(GraphImporter &importer, const onnx::NodeProto &node, llvm::StringRef name,
               mlir::Location loc, const Inputs &inputs, Scope &scope, const onnx::GraphProto &body)
      : importer(importer), node(node), name(name), loc(loc), scope(scope), body(body),
        op(node, quote(name), 0, loc, importer.builder, importer.symbols, importer.tensors,
           importer.streams, inputs),
        b(importer.builder) {}

  /// The body's inputs, given the iteration's number and the carried values.
  using MakeArguments = llvm::function_ref<llvm::SmallVector<ImportedValue>(
      mlir::Value index, llvm::ArrayRef<mlir::Value> carried)>;

  /// A value that one iteration hands to the next.
  struct Carried {
    mlir::Value init;
    /// How it is packed where some of its sizes vary.
    Varying shape;
    /// What the packed value must fit into; null if nothing varies.
    mlir::AffineExpr space;
    /// The body only appends to the value, in front or behind, along this axis:
    /// what it appends is stacked, and joined after the loop.
    std::optional<int64_t> appendAxis;
    bool isInFront = false;
    /// Its name, without the node's.
    std::string what;
  };
  /// A value that each iteration adds to a stack.
  struct Slice {
    Varying shape;
    bool isPacked = false;
  };

  struct Draft {
    mlir::scf::ForOp loop;
    std::unique_ptr<Scope> scope;
    /// The body's outputs.
    llvm::SmallVector<ImportedValue *> results;
    llvm::SmallVector<Carried> state;
    llvm::SmallVector<Slice> stacks;
    /// As the real loop has them: what it starts with, what an iteration hands on,
    /// and what it adds to stacks.
    llvm::SmallVector<mlir::Value> starts, carried, slices;
  };

  /// Imports the body at its place in a draft that starts with these values, of
  /// which the first `numLeading` have names of their own; false with an error or to restart.
  bool importBody(llvm::ArrayRef<mlir::Value> inits, size_t numLeading, MakeArguments makeArguments,
                  Draft &draft);
  /// Makes data of the outputs after the first `numIgnored`.
  bool materialize(Draft &draft, size_t numIgnored);
  /// Requires that the sizes of carried values stay as they are.
  bool keepShapes(Draft &draft);
  /// Finds values that are only appended to, and packs those that change their sizes.
  bool packState(Draft &draft);
  /// Packs slices whose sizes are not known outside the body.
  bool packSlices(Draft &draft);

  /// Runs the body `count` times, or only `end` times where that is given and
  /// stacks keep zeros. Null with a failure. Results: the carried values, then
  /// the stacks, as the draft has them.
  mlir::Operation *makeFor(Draft &draft, mlir::AffineExpr count, mlir::Value end = mlir::Value());
  /// Runs it while the first carried value, a condition, is true, but at most `limit`
  /// times unless that is null, and as long as stacks of `rows` rows have room.
  /// Results: the number of iterations, the condition, and what makeFor has.
  mlir::Operation *makeWhile(Draft &draft, mlir::AffineExpr limit, mlir::AffineExpr rows);
  /// The values of the ONNX outputs, given the loop's, whose stacks have `count` rows.
  llvm::SmallVector<mlir::Value>
  unpackResults(const Draft &draft, llvm::ArrayRef<mlir::Value> results, mlir::AffineExpr count);

  bool makeStacks(mlir::AffineExpr count, llvm::ArrayRef<mlir::Value> slices,
                  llvm::SmallVectorImpl<mlir::Value> &stacks);
  bool findAppended(Draft &draft, size_t number);
  /// Moves the draft's operations to the end of `block` and returns what the
  /// next iteration starts with.
  llvm::SmallVector<mlir::Value> takeBody(Draft &draft, mlir::Block *block, mlir::Value index,
                                          mlir::ValueRange arguments);
  bool fail() { return importer.finishFailed(op, node, name, scope, loc); }
};

} // namespace winnow::import

#endif // WINNOW_LIB_IMPORT_ONNX_LOOPIMPORTER_H
