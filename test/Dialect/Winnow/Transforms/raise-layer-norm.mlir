// RUN: winnow-opt %s --split-input-file --winnow-raise-layer-norm | FileCheck %s

!x = tensor<?x?x64xf32, affine_map<()[s0, s1] -> (s0, s1, 64)>>
!c = tensor<?x?x1xf32, affine_map<()[s0, s1] -> (s0, s1, 1)>>

// The form below opset 17, with scale and bias on either side.
// CHECK-LABEL: func @divided
// CHECK-SAME: %[[X:.*]]: tensor<?x?x64xf32, #{{.*}}>, %[[G:.*]]: tensor<64xf32>, %[[B:.*]]: tensor<64xf32>)
// CHECK-NEXT: %[[R:.*]] = winnow.layer_norm %[[X]] scale(%[[G]]) bias(%[[B]]) {epsilon = 9.99999974E-6 : f32}
// CHECK-NEXT: return %[[R]]
func.func @divided(%x: !x, %g: tensor<64xf32>, %b: tensor<64xf32>) -> !x {
  %eps = winnow.constant dense<1.0e-5> : tensor<f32>
  %two = winnow.constant dense<2.0> : tensor<f32>
  %m = winnow.reduce mean %x [2] {keepdims} : (!x) -> !c
  %d = winnow.sub %x, %m : (!x, !c) -> !x
  %s = winnow.pow %d, %two : (!x, tensor<f32>) -> !x
  %v = winnow.reduce mean %s [2] {keepdims} : (!x) -> !c
  %e = winnow.add %v, %eps : (!c, tensor<f32>) -> !c
  %r = winnow.sqrt %e : (!c) -> !c
  %n = winnow.div %d, %r : (!x, !c) -> !x
  %1 = winnow.mul %g, %n : (tensor<64xf32>, !x) -> !x
  %2 = winnow.add %1, %b : (!x, tensor<64xf32>) -> !x
  return %2 : !x
}

// -----

!x = tensor<?x?x64xf32, affine_map<()[s0, s1] -> (s0, s1, 64)>>
!c = tensor<?x?x1xf32, affine_map<()[s0, s1] -> (s0, s1, 1)>>

// The reciprocal of the root, a second difference, no bias, and a scale of
// higher rank.
// CHECK-LABEL: func @reciprocal
// CHECK-NEXT: %[[S:.*]] = winnow.reshape %{{.*}} : (tensor<1x1x64xf32>) -> tensor<64xf32>
// CHECK-NEXT: %[[R:.*]] = winnow.layer_norm %{{.*}} scale(%[[S]]) {epsilon = 9.99999996E-13 : f32}
// CHECK-NEXT: return %[[R]]
func.func @reciprocal(%x: !x, %g: tensor<1x1x64xf32>) -> !x {
  %eps = winnow.constant dense<1.0e-12> : tensor<1xf32>
  %m = winnow.reduce mean %x [2] {keepdims} : (!x) -> !c
  %d = winnow.sub %x, %m : (!x, !c) -> !x
  %d2 = winnow.sub %x, %m : (!x, !c) -> !x
  %s = winnow.mul %d, %d : (!x, !x) -> !x
  %v = winnow.reduce mean %s [2] {keepdims} : (!x) -> !c
  %e = winnow.add %eps, %v : (tensor<1xf32>, !c) -> !c
  %r = winnow.sqrt %e : (!c) -> !c
  %i = winnow.reciprocal %r : (!c) -> !c
  %n = winnow.mul %d2, %i : (!x, !c) -> !x
  %1 = winnow.mul %n, %g : (!x, tensor<1x1x64xf32>) -> !x
  return %1 : !x
}

// -----

!x = tensor<?x?x64xf32, affine_map<()[s0, s1] -> (s0, s1, 64)>>
!c = tensor<?x?x1xf32, affine_map<()[s0, s1] -> (s0, s1, 1)>>

// A normalised value that is used before its scale keeps the scale outside.
// CHECK-LABEL: func @two_users
// CHECK: %[[N:.*]] = winnow.layer_norm %{{.*}} {epsilon = 9.99999974E-6 : f32}
// CHECK-NEXT: %[[R:.*]] = winnow.mul %[[N]]
// CHECK-NEXT: return %[[R]], %[[N]]
func.func @two_users(%x: !x, %g: tensor<64xf32>) -> (!x, !x) {
  %eps = winnow.constant dense<1.0e-5> : tensor<f32>
  %half = winnow.constant dense<-0.5> : tensor<f32>
  %m = winnow.reduce mean %x [2] {keepdims} : (!x) -> !c
  %d = winnow.sub %x, %m : (!x, !c) -> !x
  %s = winnow.mul %d, %d : (!x, !x) -> !x
  %v = winnow.reduce mean %s [2] {keepdims} : (!x) -> !c
  %e = winnow.add %v, %eps : (!c, tensor<f32>) -> !c
  %r = winnow.pow %e, %half : (!c, tensor<f32>) -> !c
  %n = winnow.mul %d, %r : (!x, !c) -> !x
  %1 = winnow.mul %n, %g : (!x, tensor<64xf32>) -> !x
  return %1, %n : !x, !x
}

// -----

!x = tensor<?x?x64xf32, affine_map<()[s0, s1] -> (s0, s1, 64)>>
!c = tensor<?x?x1xf32, affine_map<()[s0, s1] -> (s0, s1, 1)>>

// RMS normalisation is raise-rms-norm's.
// CHECK-NOT: applied
// CHECK-LABEL: func @rms_norm
// CHECK-NOT: layer_norm
func.func @rms_norm(%x: !x) -> !x {
  %eps = winnow.constant dense<1.0e-5> : tensor<f32>
  %s = winnow.mul %x, %x : (!x, !x) -> !x
  %v = winnow.reduce mean %s [2] {keepdims} : (!x) -> !c
  %e = winnow.add %v, %eps : (!c, tensor<f32>) -> !c
  %r = winnow.sqrt %e : (!c) -> !c
  %n = winnow.div %x, %r : (!x, !c) -> !x
  return %n : !x
}

// -----

!x = tensor<?x?x64xf32, affine_map<()[s0, s1] -> (s0, s1, 64)>>
!c = tensor<?x?x1xf32, affine_map<()[s0, s1] -> (s0, s1, 1)>>

// CHECK: applied = false, code = "layer-norm.variance-form"
// CHECK-LABEL: func @mean_of_squares
// CHECK-NOT: layer_norm
func.func @mean_of_squares(%x: !x) -> !x {
  %eps = winnow.constant dense<1.0e-5> : tensor<f32>
  %m = winnow.reduce mean %x [2] {keepdims} : (!x) -> !c
  %d = winnow.sub %x, %m : (!x, !c) -> !x
  %s = winnow.mul %x, %x : (!x, !x) -> !x
  %a = winnow.reduce mean %s [2] {keepdims} : (!x) -> !c
  %b = winnow.mul %m, %m : (!c, !c) -> !c
  %v = winnow.sub %a, %b : (!c, !c) -> !c
  %e = winnow.add %v, %eps : (!c, tensor<f32>) -> !c
  %r = winnow.sqrt %e : (!c) -> !c
  %n = winnow.div %d, %r : (!x, !c) -> !x
  return %n : !x
}

// -----

// CHECK: applied = false, code = "layer-norm.axis"
// CHECK-LABEL: func @first_axis
// CHECK-NOT: layer_norm
func.func @first_axis(%x: tensor<4x8xf32>) -> tensor<4x8xf32> {
  %eps = winnow.constant dense<1.0e-5> : tensor<f32>
  %m = winnow.reduce mean %x [0] {keepdims} : (tensor<4x8xf32>) -> tensor<1x8xf32>
  %d = winnow.sub %x, %m : (tensor<4x8xf32>, tensor<1x8xf32>) -> tensor<4x8xf32>
  %s = winnow.mul %d, %d : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
  %v = winnow.reduce mean %s [0] {keepdims} : (tensor<4x8xf32>) -> tensor<1x8xf32>
  %e = winnow.add %v, %eps : (tensor<1x8xf32>, tensor<f32>) -> tensor<1x8xf32>
  %r = winnow.sqrt %e : (tensor<1x8xf32>) -> tensor<1x8xf32>
  %n = winnow.div %d, %r : (tensor<4x8xf32>, tensor<1x8xf32>) -> tensor<4x8xf32>
  return %n : tensor<4x8xf32>
}

// -----

!x = tensor<?x?x64xf32, affine_map<()[s0, s1] -> (s0, s1, 64)>>
!c = tensor<?x?x1xf32, affine_map<()[s0, s1] -> (s0, s1, 1)>>

// CHECK: applied = false, code = "layer-norm.mean-of-other"
// CHECK-LABEL: func @other_mean
// CHECK-NOT: layer_norm
func.func @other_mean(%x: !x, %y: !x) -> !x {
  %eps = winnow.constant dense<1.0e-5> : tensor<f32>
  %m = winnow.reduce mean %y [2] {keepdims} : (!x) -> !c
  %d = winnow.sub %x, %m : (!x, !c) -> !x
  %s = winnow.mul %d, %d : (!x, !x) -> !x
  %v = winnow.reduce mean %s [2] {keepdims} : (!x) -> !c
  %e = winnow.add %v, %eps : (!c, tensor<f32>) -> !c
  %r = winnow.sqrt %e : (!c) -> !c
  %n = winnow.div %d, %r : (!x, !c) -> !x
  return %n : !x
}

// -----

!x = tensor<?x?x64xf32, affine_map<()[s0, s1] -> (s0, s1, 64)>>
!c = tensor<?x?x1xf32, affine_map<()[s0, s1] -> (s0, s1, 1)>>

// Standard deviations are no layer norm.
// CHECK: applied = false, code = "layer-norm.no-quotient"
// CHECK-LABEL: func @deviation
// CHECK-NOT: layer_norm
func.func @deviation(%x: !x) -> !c {
  %eps = winnow.constant dense<1.0e-5> : tensor<f32>
  %m = winnow.reduce mean %x [2] {keepdims} : (!x) -> !c
  %d = winnow.sub %x, %m : (!x, !c) -> !x
  %s = winnow.mul %d, %d : (!x, !x) -> !x
  %v = winnow.reduce mean %s [2] {keepdims} : (!x) -> !c
  %e = winnow.add %v, %eps : (!c, tensor<f32>) -> !c
  %r = winnow.sqrt %e : (!c) -> !c
  return %r : !c
}

// -----

// CHECK-NOT: winnow.report
// CHECK-LABEL: func @plain_root
// CHECK-NEXT: winnow.sqrt
func.func @plain_root(%x: tensor<4xf32>) -> tensor<4xf32> {
  %r = winnow.sqrt %x : (tensor<4xf32>) -> tensor<4xf32>
  return %r : tensor<4xf32>
}

// -----

!h = tensor<?x64xf16, affine_map<()[s0] -> (s0, 64)>>
!hc = tensor<?x1xf16, affine_map<()[s0] -> (s0, 1)>>
!d = tensor<?x64xf64, affine_map<()[s0] -> (s0, 64)>>
!dc = tensor<?x1xf64, affine_map<()[s0] -> (s0, 1)>>

// TorchScript widens half precision to double for the squares.
// CHECK-LABEL: func @narrow
// CHECK-NEXT: %[[R:.*]] = winnow.layer_norm %arg0 scale(%arg1) {epsilon = 9.99999996E-13 : f32} : (tensor<?x64xf16
// CHECK-NEXT: return %[[R]]
func.func @narrow(%x: !h, %g: tensor<64xf16>) -> !h {
  %eps = winnow.constant dense<1.0e-12> : tensor<f64>
  %m = winnow.reduce mean %x [1] {keepdims} : (!h) -> !hc
  %c = winnow.sub %x, %m : (!h, !hc) -> !h
  %w = winnow.cast %c : (!h) -> !d
  %s = winnow.mul %w, %w : (!d, !d) -> !d
  %v = winnow.reduce mean %s [1] {keepdims} : (!d) -> !dc
  %e = winnow.add %v, %eps : (!dc, tensor<f64>) -> !dc
  %r = winnow.sqrt %e : (!dc) -> !dc
  %n = winnow.div %w, %r : (!d, !dc) -> !d
  %0 = winnow.cast %n : (!d) -> !h
  %1 = winnow.mul %0, %g : (!h, tensor<64xf16>) -> !h
  return %1 : !h
}

// -----

!x = tensor<?x64xf32, affine_map<()[s0] -> (s0, 64)>>
!c = tensor<?x1xf32, affine_map<()[s0] -> (s0, 1)>>

// An RMS norm of what has no mean any more.
// CHECK-LABEL: func @centred
// CHECK-NEXT: %[[R:.*]] = winnow.layer_norm %arg0 scale(%arg1) bias(%arg2) {epsilon = 9.99999974E-6 : f32}
// CHECK-NEXT: return %[[R]]
func.func @centred(%x: !x, %g: tensor<64xf32>, %b: tensor<64xf32>) -> !x {
  %m = winnow.reduce mean %x [1] {keepdims} : (!x) -> !c
  %d = winnow.sub %x, %m : (!x, !c) -> !x
  %n = winnow.rms_norm %d scale(%g) {epsilon = 1.0e-5 : f32} : (!x, tensor<64xf32>) -> !x
  %0 = winnow.add %n, %b : (!x, tensor<64xf32>) -> !x
  return %0 : !x
}

// -----

!x = tensor<?x64xf32, affine_map<()[s0] -> (s0, 64)>>
!c = tensor<?x1xf32, affine_map<()[s0] -> (s0, 1)>>

// CHECK: applied = false, code = "layer-norm.mean-of-other"
// CHECK-LABEL: func @centred_by_other
// CHECK: winnow.rms_norm
func.func @centred_by_other(%x: !x, %y: !x, %g: tensor<64xf32>) -> !x {
  %m = winnow.reduce mean %y [1] {keepdims} : (!x) -> !c
  %d = winnow.sub %x, %m : (!x, !c) -> !x
  %n = winnow.rms_norm %d scale(%g) {epsilon = 1.0e-5 : f32} : (!x, tensor<64xf32>) -> !x
  return %n : !x
}

// -----

!x = tensor<?x64xf32, affine_map<()[s0] -> (s0, 64)>>
!c = tensor<?x1xf32, affine_map<()[s0] -> (s0, 1)>>

// Two layers next to each other share the quotient, but not the scale.
// CHECK-LABEL: func @side_by_side
// CHECK-NEXT: %[[A:.*]] = winnow.layer_norm %arg0 scale(%arg1) bias(%arg2)
// CHECK-NEXT: %[[B:.*]] = winnow.layer_norm %arg0 scale(%arg2)
// CHECK-NEXT: return %[[A]], %[[B]]
func.func @side_by_side(%x: !x, %g: tensor<64xf32>, %h: tensor<64xf32>) -> (!x, !x) {
  %eps = winnow.constant dense<1.0e-5> : tensor<f32>
  %m = winnow.reduce mean %x [1] {keepdims} : (!x) -> !c
  %d = winnow.sub %x, %m : (!x, !c) -> !x
  %s = winnow.mul %d, %d : (!x, !x) -> !x
  %v = winnow.reduce mean %s [1] {keepdims} : (!x) -> !c
  %e = winnow.add %v, %eps : (!c, tensor<f32>) -> !c
  %r = winnow.sqrt %e : (!c) -> !c
  %n = winnow.div %d, %r : (!x, !c) -> !x
  %0 = winnow.mul %n, %g : (!x, tensor<64xf32>) -> !x
  %1 = winnow.add %0, %h : (!x, tensor<64xf32>) -> !x
  %2 = winnow.mul %n, %h : (!x, tensor<64xf32>) -> !x
  return %1, %2 : !x, !x
}

// -----

!x = tensor<?x64xf32, affine_map<()[s0] -> (s0, 64)>>
!c = tensor<?x1xf32, affine_map<()[s0] -> (s0, 1)>>

// A quotient that is used as it is stays one.
// CHECK-LABEL: func @shared_quotient
// CHECK-NEXT: %[[N:.*]] = winnow.layer_norm %arg0 {epsilon
// CHECK-NEXT: winnow.mul %[[N]]
func.func @shared_quotient(%x: !x, %g: tensor<64xf32>) -> (!x, !x) {
  %eps = winnow.constant dense<1.0e-5> : tensor<f32>
  %m = winnow.reduce mean %x [1] {keepdims} : (!x) -> !c
  %d = winnow.sub %x, %m : (!x, !c) -> !x
  %s = winnow.mul %d, %d : (!x, !x) -> !x
  %v = winnow.reduce mean %s [1] {keepdims} : (!x) -> !c
  %e = winnow.add %v, %eps : (!c, tensor<f32>) -> !c
  %r = winnow.sqrt %e : (!c) -> !c
  %n = winnow.div %d, %r : (!x, !c) -> !x
  %0 = winnow.mul %n, %g : (!x, tensor<64xf32>) -> !x
  return %0, %n : !x, !x
}
