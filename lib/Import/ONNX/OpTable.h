//===- OpTable.h - Which function imports which operator ------------------===//

#ifndef WINNOW_LIB_IMPORT_ONNX_OPTABLE_H
#define WINNOW_LIB_IMPORT_ONNX_OPTABLE_H

#include "OpImporter.h"

namespace winnow::import {

using ImportFunction = void (*)(OpImporter &);

/// One meaning of an operator. `minInputs` are required; optional ones may be
/// left out or empty, but not in the lists of the default domain. Every output after the first must be unused unless
/// `maxOutputs` says that the function sets it.
struct OpEntry {
  llvm::StringLiteral name;
  int64_t minOpset, maxOpset;
  int minInputs, maxInputs;
  ImportFunction import;
  int maxOutputs = 1;
  /// Input 0 may be a sequence or an empty optional; all others are tensors.
  bool takesAnyKind = false;
};

inline constexpr int64_t kMaxOpset = 27;
/// The domains that operators are known in beside the default one, which is "".
/// Their only version is 1.
inline constexpr llvm::StringLiteral kMicrosoftDomain = "com.microsoft";
inline constexpr llvm::StringLiteral kPreviewDomain = "ai.onnx.preview";
inline constexpr int kVariadic = INT32_MAX;

/// The families; each lists its own operators.
llvm::ArrayRef<OpEntry> getElementwiseOps();
llvm::ArrayRef<OpEntry> getCastingOps();
llvm::ArrayRef<OpEntry> getMathOps();
llvm::ArrayRef<OpEntry> getMaxRoiPoolOps();
llvm::ArrayRef<OpEntry> getActivationOps();
llvm::ArrayRef<OpEntry> getShapeOps();
llvm::ArrayRef<OpEntry> getReshapingOps();
llvm::ArrayRef<OpEntry> getMovementOps();
llvm::ArrayRef<OpEntry> getIndexingOps();
llvm::ArrayRef<OpEntry> getScatterOps();
llvm::ArrayRef<OpEntry> getSelectionOps();
llvm::ArrayRef<OpEntry> getSequenceOps();
llvm::ArrayRef<OpEntry> getSliceOps();
llvm::ArrayRef<OpEntry> getEinsumOps();
llvm::ArrayRef<OpEntry> getPoolOps();
llvm::ArrayRef<OpEntry> getConvolutionOps();
llvm::ArrayRef<OpEntry> getDeformConvOps();
llvm::ArrayRef<OpEntry> getGridSampleOps();
llvm::ArrayRef<OpEntry> getRoiAlignOps();
llvm::ArrayRef<OpEntry> getFoldOps();
llvm::ArrayRef<OpEntry> getCropPadOps();
llvm::ArrayRef<OpEntry> getFourierOps();
llvm::ArrayRef<OpEntry> getRandomOps();
llvm::ArrayRef<OpEntry> getRecurrentOps();
llvm::ArrayRef<OpEntry> getContractionOps();
llvm::ArrayRef<OpEntry> getNormalizationOps();
llvm::ArrayRef<OpEntry> getSoftmaxOps();
llvm::ArrayRef<OpEntry> getLossOps();
llvm::ArrayRef<OpEntry> getReductionOps();
llvm::ArrayRef<OpEntry> getAttentionOps();
llvm::ArrayRef<OpEntry> getLinearAttentionOps();
llvm::ArrayRef<OpEntry> getRotaryEmbeddingOps();
llvm::ArrayRef<OpEntry> getQuantizationOps();
llvm::ArrayRef<OpEntry> getSpectrumOps();
llvm::ArrayRef<OpEntry> getStatefulOps();
llvm::ArrayRef<OpEntry> getResizeOps();

/// Those of kMicrosoftDomain.
llvm::ArrayRef<OpEntry> getGroupQueryAttentionOps();
llvm::ArrayRef<OpEntry> getMicrosoftAttentionOps();
llvm::ArrayRef<OpEntry> getMicrosoftFusionOps();
llvm::ArrayRef<OpEntry> getMicrosoftNormalizationOps();
llvm::ArrayRef<OpEntry> getMicrosoftQLinearOps();
llvm::ArrayRef<OpEntry> getMicrosoftQuantizationOps();
llvm::ArrayRef<OpEntry> getMicrosoftRotaryEmbeddingOps();

/// The entry for an operator in a version of its domain, or null with `reason`.
const OpEntry *findOp(llvm::StringRef domain, llvm::StringRef name, int64_t opset,
                      std::string &reason);

/// Imports the node as an operator of the default domain, which means the same in all
/// opsets.
void importAs(OpImporter &n, llvm::StringRef name);

} // namespace winnow::import

#endif // WINNOW_LIB_IMPORT_ONNX_OPTABLE_H
