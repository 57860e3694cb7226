// RUN: winnow-opt %s --split-input-file --winnow-raise-rms-norm | FileCheck %s

!x = tensor<?x?x64xf32, affine_map<()[s0, s1] -> (s0, s1, 64)>>
!c = tensor<?x?x1xf32, affine_map<()[s0, s1] -> (s0, s1, 1)>>

// Llama's form from TorchScript: one over the root, and the scale on the left.
// CHECK: code = "rms-norm.raised"
// CHECK-LABEL: func @one_over_root
// CHECK-NEXT: %[[R:.*]] = winnow.rms_norm %arg0 scale(%arg1) {epsilon = 9.99999997E-7 : f32}
// CHECK-NEXT: return %[[R]]
func.func @one_over_root(%x: !x, %g: tensor<64xf32>) -> !x {
  %eps = winnow.constant dense<1.0e-6> : tensor<f32>
  %one = winnow.constant dense<1.0> : tensor<f32>
  %two = winnow.constant dense<2.0> : tensor<f32>
  %s = winnow.pow %x, %two : (!x, tensor<f32>) -> !x
  %v = winnow.reduce mean %s [2] {keepdims} : (!x) -> !c
  %e = winnow.add %v, %eps : (!c, tensor<f32>) -> !c
  %r = winnow.sqrt %e : (!c) -> !c
  %i = winnow.div %one, %r : (tensor<f32>, !c) -> !c
  %n = winnow.mul %x, %i : (!x, !c) -> !x
  %1 = winnow.mul %g, %n : (tensor<64xf32>, !x) -> !x
  return %1 : !x
}

// -----

!x = tensor<?x?x64xf32, affine_map<()[s0, s1] -> (s0, s1, 64)>>
!c = tensor<?x?x1xf32, affine_map<()[s0, s1] -> (s0, s1, 1)>>

// dynamo's form, with a reciprocal, and no scale at all.
// CHECK-LABEL: func @reciprocal
// CHECK-NEXT: %[[R:.*]] = winnow.rms_norm %arg0 {epsilon = 9.99999997E-7 : f32}
// CHECK-NEXT: return %[[R]]
func.func @reciprocal(%x: !x) -> !x {
  %eps = winnow.constant dense<1.0e-6> : tensor<f32>
  %s = winnow.mul %x, %x : (!x, !x) -> !x
  %v = winnow.reduce mean %s [2] {keepdims} : (!x) -> !c
  %e = winnow.add %eps, %v : (tensor<f32>, !c) -> !c
  %r = winnow.sqrt %e : (!c) -> !c
  %i = winnow.reciprocal %r : (!c) -> !c
  %n = winnow.mul %i, %x : (!c, !x) -> !x
  return %n : !x
}

// -----

!x = tensor<?x?x64xf32, affine_map<()[s0, s1] -> (s0, s1, 64)>>
!c = tensor<?x?x1xf32, affine_map<()[s0, s1] -> (s0, s1, 1)>>

// A quotient, whose value is used before the scale.
// CHECK-LABEL: func @quotient_used
// CHECK: %[[N:.*]] = winnow.rms_norm %arg0 {epsilon
// CHECK-NEXT: %[[S:.*]] = winnow.mul %[[N]]
// CHECK-NEXT: return %[[S]], %[[N]]
func.func @quotient_used(%x: !x, %g: tensor<64xf32>) -> (!x, !x) {
  %eps = winnow.constant dense<1.0e-6> : tensor<f32>
  %s = winnow.mul %x, %x : (!x, !x) -> !x
  %v = winnow.reduce mean %s [2] {keepdims} : (!x) -> !c
  %e = winnow.add %v, %eps : (!c, tensor<f32>) -> !c
  %r = winnow.sqrt %e : (!c) -> !c
  %n = winnow.div %x, %r : (!x, !c) -> !x
  %1 = winnow.mul %n, %g : (!x, tensor<64xf32>) -> !x
  return %1, %n : !x, !x
}

// -----

!h = tensor<?x64xf16, affine_map<()[s0] -> (s0, 64)>>
!x = tensor<?x64xf32, affine_map<()[s0] -> (s0, 64)>>
!c = tensor<?x1xf32, affine_map<()[s0] -> (s0, 1)>>

// Narrow floats are widened for the norm only: the kernel does that too.
// CHECK-LABEL: func @narrow
// CHECK-NEXT: %[[R:.*]] = winnow.rms_norm %arg0 scale(%arg1) {epsilon = 9.99999974E-6 : f32} : (tensor<?x64xf16
// CHECK-NEXT: return %[[R]]
func.func @narrow(%h: !h, %g: tensor<64xf16>) -> !h {
  %eps = winnow.constant dense<1.0e-5> : tensor<f32>
  %x = winnow.cast %h : (!h) -> !x
  %s = winnow.mul %x, %x : (!x, !x) -> !x
  %v = winnow.reduce mean %s [1] {keepdims} : (!x) -> !c
  %e = winnow.add %v, %eps : (!c, tensor<f32>) -> !c
  %r = winnow.sqrt %e : (!c) -> !c
  %n = winnow.div %x, %r : (!x, !c) -> !x
  %0 = winnow.cast %n : (!x) -> !h
  %1 = winnow.mul %0, %g : (!h, tensor<64xf16>) -> !h
  return %1 : !h
}

// -----

!x = tensor<4x8x64xf32>

// CHECK: applied = false, code = "rms-norm.axis"
// CHECK-LABEL: func @other_axis
// CHECK-NOT: winnow.rms_norm
func.func @other_axis(%x: !x) -> !x {
  %eps = winnow.constant dense<1.0e-6> : tensor<f32>
  %s = winnow.mul %x, %x : (!x, !x) -> !x
  %v = winnow.reduce mean %s [1] {keepdims} : (!x) -> tensor<4x1x64xf32>
  %e = winnow.add %v, %eps : (tensor<4x1x64xf32>, tensor<f32>) -> tensor<4x1x64xf32>
  %r = winnow.sqrt %e : (tensor<4x1x64xf32>) -> tensor<4x1x64xf32>
  %n = winnow.div %x, %r : (!x, tensor<4x1x64xf32>) -> !x
  return %n : !x
}

// -----

!x = tensor<?x?x64xf32, affine_map<()[s0, s1] -> (s0, s1, 64)>>
!c = tensor<?x?x1xf32, affine_map<()[s0, s1] -> (s0, s1, 1)>>

// A root mean square of something else than what it divides.
// CHECK-NOT: applied
// CHECK-LABEL: func @of_another
// CHECK-NOT: winnow.rms_norm
func.func @of_another(%x: !x, %y: !x) -> !x {
  %eps = winnow.constant dense<1.0e-6> : tensor<f32>
  %s = winnow.mul %x, %x : (!x, !x) -> !x
  %v = winnow.reduce mean %s [2] {keepdims} : (!x) -> !c
  %e = winnow.add %v, %eps : (!c, tensor<f32>) -> !c
  %r = winnow.sqrt %e : (!c) -> !c
  %n = winnow.div %y, %r : (!x, !c) -> !x
  return %n : !x
}
