#include "winnow/Dialect/Winnow/IR/Winnow.h"
#include "winnow/Dialect/Winnow/Transforms/Passes.h"

#include "mlir/InitAllDialects.h"
#include "mlir/InitAllExtensions.h"
#include "mlir/InitAllPasses.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"

int main(int argc, char **argv) {
  mlir::registerAllPasses();
  winnow::registerTransforms();
  mlir::DialectRegistry registry;
  mlir::registerAllDialects(registry);
  mlir::registerAllExtensions(registry);
  registry.insert<winnow::WinnowDialect>();
  return mlir::asMainReturnCode(
      mlir::MlirOptMain(argc, argv, "winnow-opt: runs single passes on IR\n", registry));
}
