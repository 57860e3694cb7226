//===- Pipeline.h - The compiler, phase by phase --------------------------===//
//
// The only place that knows every stage. A compile is one call of `compile`
// with one options struct; any phase's module can be dumped and fed back.
//
//===----------------------------------------------------------------------===//

#ifndef WINNOW_PIPELINE_PIPELINE_H
#define WINNOW_PIPELINE_PIPELINE_H

#include "winnow/Codegen/GPU/Target.h"
#include "winnow/Dialect/Winnow/Transforms/Passes.h"
#include "winnow/Import/ONNX/Import.h"
#include "winnow/Support/CPULevel.h"

#include "mlir/IR/DialectRegistry.h"
#include "mlir/Support/LLVM.h"
#include "llvm/ADT/StringRef.h"
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace winnow {

/// In the order in which they run. A module that a phase left says so in the
/// attribute `winnow.phase`.
enum class Phase { Import, Raise, Optimize, Convert, Codegen, Link };

llvm::StringRef stringifyPhase(Phase phase);
std::optional<Phase> parsePhase(llvm::StringRef name);

/// What a compile leaves behind besides the header, the weights and the report.
enum class Emit { Object, Static, Shared, Executable, LLVMIR, Assembly, MLIR, PTX, Emulation };

std::optional<Emit> parseEmit(llvm::StringRef name);

/// A module between two passes, compiled on its own.
struct Snapshot {
  std::string directory; ///< of its artefacts, which are gone afterwards
  std::string pass;      ///< what made it from the one before; `import` at first
  mlir::ModuleOp module;
  bool isExact = true; ///< it computes what the one before it computed
};
/// Fails where the compile shall end.
using SnapshotFn = std::function<llvm::LogicalResult(const Snapshot &)>;

/// Measures what approximations change, on data of the user's.
class AccuracyJudge {
public:
  virtual ~AccuracyJudge() = default;
  /// Which part of the data: what decides about sites does not say what the error is.
  enum class Part { Choose, Measure };
  struct Verdict {
    bool isWithinBudget = true;
    double spent = 0;  ///< the greatest share of a bound, 1 is all of it
    std::string error; ///< for people: metrics of each output
  };
  /// Takes the outputs of the exact model, compiled in the folder, as they should be.
  virtual llvm::LogicalResult setReference(llvm::StringRef directory) = 0;
  /// Whether there is a bound, under which the techniques that save most come first.
  virtual bool hasBudget() const = 0;
  virtual llvm::FailureOr<Verdict> judge(llvm::StringRef directory, Part part) = 0;
  virtual size_t getNumRuns() const = 0;
  /// Which part a run belongs to, if there are several.
  virtual Part getPart(size_t run) const = 0;
  /// Runs another model, whose outputs are floats of 32 bits, on the same data, and calls back with
  /// each output of each run.
  virtual llvm::LogicalResult
  observe(llvm::StringRef directory,
          llvm::function_ref<void(size_t run, size_t output, llvm::ArrayRef<float>)> use) = 0;
};

/// Compiles a raised module on its own, exactly as it stands, and calls back with the folder of
/// its artefacts, which are gone afterwards.
using CompileAside = llvm::function_ref<llvm::LogicalResult(
    mlir::ModuleOp raised, llvm::function_ref<llvm::LogicalResult(llvm::StringRef)> use)>;

struct CompileOptions {
  std::string input;     ///< .onnx, or .mlir of any phase
  std::string outputDir; ///< made if it does not exist
  std::string name;      ///< artefacts and C symbols; empty: from the input's name
  /// The highest first, as parseCPULevels gives them.
  std::vector<CPULevel> levels = {*getCPULevel("native")};
  /// Of chips to compute on in place of the CPU, the newest first.
  struct GPU {
    std::vector<gpu::Chip> chips;
    gpu::Precision precision = gpu::Precision::FP32;
  };
  std::optional<GPU> gpu;
  std::set<Emit> emit = {Emit::Static, Emit::Shared};
  ImportOptions import;
  OptimizeOptions optimize;
  /// Techniques that change results, with their arguments.
  std::vector<std::pair<const Approximation *, std::string>> approximations;
  AccuracyJudge *judge = nullptr; ///< null: what they change is not known
  std::optional<Phase> stopAfter;
  std::string stopOutput = "-"; ///< where the module goes; `-` is stdout
  bool embedWeights = false;
  /// Called with what Import left and after every pass of Raise and Optimize that
  /// changed something.
  SnapshotFn onSnapshot;
  /// Called with the raised module; the compile ends there.
  std::function<llvm::LogicalResult(mlir::ModuleOp raised, CompileAside compile)> onRaised;
  std::optional<Phase> crashIn; ///< for tests of what a crash leaves behind
  std::string runtimeDirectory; ///< of libwinnow_rt.a; empty: beside the tool
};

/// What a compile did, for the driver to print.
struct CompileResult {
  enum Status {
    Success,
    Failure, ///< diagnosed: the input or the options were refused
    Crash    ///< a defect of winnow: what reproduces it was written and named
  } status = Failure;
  std::string name;
  int64_t libraryBytes = 0; ///< the object, without weights
  int64_t weightsBytes = 0;
  std::string precision; ///< the table of who got how many bits, or empty
};

/// Called when a phase begins.
using ProgressFn = std::function<void(Phase)>;

/// Compiles. Errors go to the context's diagnostic handler.
CompileResult compile(const CompileOptions &options, mlir::MLIRContext &context,
                      const ProgressFn &progress);

/// Everything that a context needs to hold modules of any phase.
void registerDialects(mlir::DialectRegistry &registry);
/// All of Winnow's passes, for winnow-opt.
void registerPasses();

} // namespace winnow

#endif // WINNOW_PIPELINE_PIPELINE_H
