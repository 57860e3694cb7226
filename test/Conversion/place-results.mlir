// RUN: winnow-opt %s --winnow-place-results | FileCheck %s
// RUN: winnow-opt %s --winnow-place-results --eliminate-empty-tensors --one-shot-bufferize --canonicalize | FileCheck %s --check-prefix=BUFFERS

// CHECK-LABEL: func @expanded
// CHECK-SAME: %[[X:.*]]: tensor<6x4xf32>, %[[OUT:.*]]: memref<2x3x4xf32>
// CHECK-NEXT: %[[ROWS:.*]] = memref.collapse_shape %[[OUT]] {{\[}}[0, 1], [2]]
// CHECK: %[[Y:.*]] = linalg.exp
// CHECK: materialize_in_destination %[[Y]] in restrict writable %[[ROWS]]
// BUFFERS-LABEL: func @expanded
// BUFFERS-NOT: memref.alloc
// BUFFERS: linalg.exp {{.*}} outs(%collapse_shape : memref<6x4xf32>)
// BUFFERS-NEXT: return
func.func @expanded(%x: tensor<6x4xf32>, %out: memref<2x3x4xf32>) {
  %e = tensor.empty() : tensor<6x4xf32>
  %y = linalg.exp ins(%x : tensor<6x4xf32>) outs(%e : tensor<6x4xf32>) -> tensor<6x4xf32>
  %r = tensor.expand_shape %y [[0, 1], [2]] output_shape [2, 3, 4] : tensor<6x4xf32> into tensor<2x3x4xf32>
  bufferization.materialize_in_destination %r in restrict writable %out : (tensor<2x3x4xf32>, memref<2x3x4xf32>) -> ()
  return
}

// Dimensions that data gives: the buffer's leading ones are known, and contiguous.
// CHECK-LABEL: func @dynamic
// CHECK: memref.collapse_shape %{{.*}} {{\[}}[0, 1]] : memref<?x?xf32> into memref<?xf32>
func.func @dynamic(%x: tensor<?xf32>, %n: index, %m: index, %out: memref<?x?xf32>) {
  %r = tensor.expand_shape %x [[0, 1]] output_shape [%n, %m] : tensor<?xf32> into tensor<?x?xf32>
  bufferization.materialize_in_destination %r in restrict writable %out : (tensor<?x?xf32>, memref<?x?xf32>) -> ()
  return
}

// CHECK-LABEL: func @not_contiguous
// CHECK-NOT: memref.collapse_shape
func.func @not_contiguous(%x: tensor<6xf32>, %out: memref<2x3xf32, strided<[8, 1]>>) {
  %r = tensor.expand_shape %x [[0, 1]] output_shape [2, 3] : tensor<6xf32> into tensor<2x3xf32>
  bufferization.materialize_in_destination %r in restrict writable %out : (tensor<2x3xf32>, memref<2x3xf32, strided<[8, 1]>>) -> ()
  return
}

// A destination that is a tensor is the loop's affair.
// CHECK-LABEL: func @tensor_destination
// CHECK: materialize_in_destination %expanded in %{{.*}} : (tensor<2x3xf32>, tensor<2x3xf32>)
func.func @tensor_destination(%x: tensor<6xf32>) -> tensor<2x3xf32> {
  %out = bufferization.alloc_tensor() : tensor<2x3xf32>
  %r = tensor.expand_shape %x [[0, 1]] output_shape [2, 3] : tensor<6xf32> into tensor<2x3xf32>
  %p = bufferization.materialize_in_destination %r in %out : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<2x3xf32>
  return %p : tensor<2x3xf32>
}
