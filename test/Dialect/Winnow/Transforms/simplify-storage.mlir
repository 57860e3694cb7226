// RUN: winnow-opt %s --split-input-file --winnow-simplify-idioms --canonicalize | FileCheck %s

// f32 has every value of a small float, which has not every value of another.
// CHECK-LABEL: func @casts
// CHECK-DAG: %[[A:.*]] = winnow.cast %arg0 : (tensor<3xf8E5M2>) -> tensor<3xf16>
// CHECK-DAG: %[[N:.*]] = winnow.cast %arg1 : (tensor<3xf32>) -> tensor<3xf8E5M2>
// CHECK-DAG: %[[B:.*]] = winnow.cast %[[N]] : (tensor<3xf8E5M2>) -> tensor<3xf32>
// CHECK-DAG: %[[M:.*]] = winnow.cast %arg0 : (tensor<3xf8E5M2>) -> tensor<3xf8E5M2FNUZ>
// CHECK-DAG: %[[C:.*]] = winnow.cast %[[M]] : (tensor<3xf8E5M2FNUZ>) -> tensor<3xf32>
// CHECK: return %[[A]], %[[B]], %[[C]]
func.func @casts(%x: tensor<3xf8E5M2>, %f: tensor<3xf32>) -> (tensor<3xf16>, tensor<3xf32>, tensor<3xf32>) {
  %0 = winnow.cast %x : (tensor<3xf8E5M2>) -> tensor<3xf32>
  %1 = winnow.cast %0 : (tensor<3xf32>) -> tensor<3xf16>
  %2 = winnow.cast %f : (tensor<3xf32>) -> tensor<3xf8E5M2>
  %3 = winnow.cast %2 : (tensor<3xf8E5M2>) -> tensor<3xf32>
  %4 = winnow.cast %x : (tensor<3xf8E5M2>) -> tensor<3xf8E5M2FNUZ>
  %5 = winnow.cast %4 : (tensor<3xf8E5M2FNUZ>) -> tensor<3xf32>
  return %1, %3, %5 : tensor<3xf16>, tensor<3xf32>, tensor<3xf32>
}

// -----

// Four bits fit where there are as many of a fraction; no power of two is 0.
// CHECK-LABEL: func @integers
// CHECK-DAG: %[[A:.*]] = winnow.cast %arg0 : (tensor<3xi4>) -> tensor<3xf32>
// CHECK-DAG: %[[N:.*]] = winnow.cast %arg0 : (tensor<3xi4>) -> tensor<3xf8E5M2>
// CHECK-DAG: %[[B:.*]] = winnow.cast %[[N]] : (tensor<3xf8E5M2>) -> tensor<3xf32>
// CHECK-DAG: %[[M:.*]] = winnow.cast %arg1 : (tensor<3xi1>) -> tensor<3xf8E8M0FNU>
// CHECK-DAG: %[[C:.*]] = winnow.cast %[[M]] : (tensor<3xf8E8M0FNU>) -> tensor<3xf32>
// CHECK: return %[[A]], %[[B]], %[[C]]
func.func @integers(%x: tensor<3xi4>, %b: tensor<3xi1>) -> (tensor<3xf32>, tensor<3xf32>, tensor<3xf32>) {
  %0 = winnow.cast %x : (tensor<3xi4>) -> tensor<3xf8E4M3FN>
  %1 = winnow.cast %0 : (tensor<3xf8E4M3FN>) -> tensor<3xf32>
  %2 = winnow.cast %x : (tensor<3xi4>) -> tensor<3xf8E5M2>
  %3 = winnow.cast %2 : (tensor<3xf8E5M2>) -> tensor<3xf32>
  %4 = winnow.cast %b : (tensor<3xi1>) -> tensor<3xf8E8M0FNU>
  %5 = winnow.cast %4 : (tensor<3xf8E8M0FNU>) -> tensor<3xf32>
  return %1, %3, %5 : tensor<3xf32>, tensor<3xf32>, tensor<3xf32>
}
