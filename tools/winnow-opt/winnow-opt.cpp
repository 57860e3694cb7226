#include "winnow/Pipeline/Pipeline.h"

#include "mlir/InitAllPasses.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"

int main(int argc, char **argv) {
  mlir::registerAllPasses();
  winnow::registerPasses();
  mlir::DialectRegistry registry;
  winnow::registerDialects(registry);
  return mlir::asMainReturnCode(
      mlir::MlirOptMain(argc, argv, "winnow-opt: runs single passes on IR\n", registry));
}
