//===- Passes.td - winnow to winnow ---------------------------------------===//

#ifndef WINNOW_TRANSFORMS_PASSES_TD
#define WINNOW_TRANSFORMS_PASSES_TD

include "mlir/Pass/PassBase.td"

#endif // WINNOW_TRANSFORMS_PASSES_TD
