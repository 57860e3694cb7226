// RUN: winnow-opt %s --winnow-lower-expand-shape | FileCheck %s

// CHECK-LABEL: func.func @two_dynamic
// CHECK-SAME: %[[X:[^:]*]]: memref<?x8xf32>, %[[A:[^:]*]]: index, %[[B:[^:]*]]: index
// CHECK: %[[BASE:[^,]*]], %{{.*}} = memref.extract_strided_metadata %[[X]]
// CHECK: %[[STRIDE:.*]] = affine.apply #{{.*}}()[%[[B]]]
// CHECK: memref.reinterpret_cast %[[BASE]] to offset: [0], sizes: [%[[A]], %[[B]], 8], strides: [%[[STRIDE]], 8, 1]
func.func @two_dynamic(%x: memref<?x8xf32>, %a: index, %b: index) -> memref<?x?x8xf32> {
  %0 = memref.expand_shape %x [[0, 1], [2]] output_shape [%a, %b, 8] : memref<?x8xf32> into memref<?x?x8xf32>
  return %0 : memref<?x?x8xf32>
}

// A view keeps its outer stride and its offset.

// CHECK-LABEL: func.func @strided
// CHECK: memref.reinterpret_cast %{{.*}} to offset: [4], sizes: [2, 3, 4], strides: [64, 4, 1]
func.func @strided(%x: memref<2x12xf32, strided<[64, 1], offset: 4>>) -> memref<2x3x4xf32, strided<[64, 4, 1], offset: 4>> {
  %0 = memref.expand_shape %x [[0], [1, 2]] output_shape [2, 3, 4] : memref<2x12xf32, strided<[64, 1], offset: 4>> into memref<2x3x4xf32, strided<[64, 4, 1], offset: 4>>
  return %0 : memref<2x3x4xf32, strided<[64, 4, 1], offset: 4>>
}

// Nothing to do.

// CHECK-LABEL: func.func @none
// CHECK-NEXT: return
func.func @none(%x: memref<4xf32>) {
  return
}

// CHECK-LABEL: func @scalar_source
// CHECK: sizes: [1, 1], strides: [1, 1]
func.func @scalar_source(%x: memref<f32>) -> memref<1x1xf32> {
  %e = memref.expand_shape %x [] output_shape [1, 1] : memref<f32> into memref<1x1xf32>
  return %e : memref<1x1xf32>
}
