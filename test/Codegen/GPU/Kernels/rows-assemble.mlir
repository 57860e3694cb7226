// REQUIRES: ptxas
// RUN: winnow-gpu-emulate %S/rows.mlir --chip sm_80 --assemble
// RUN: winnow-gpu-emulate %S/rows.mlir --chip sm_90a --assemble
