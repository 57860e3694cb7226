// RUN: winnow-opt %s --split-input-file --winnow-raise-gelu | FileCheck %s

// CHECK-LABEL: func @divide_and_multiply_last
// CHECK-NEXT: %[[Y:.*]] = winnow.gelu %{{.*}} : (tensor<4x8xf32>)
// CHECK-NEXT: return %[[Y]]
func.func @divide_and_multiply_last(%x: tensor<4x8xf32>) -> tensor<4x8xf32> {
  %r2 = winnow.constant dense<1.41421354> : tensor<f32>
  %one = winnow.constant dense<1.0> : tensor<f32>
  %half = winnow.constant dense<0.5> : tensor<f32>
  %a = winnow.div %x, %r2 : (tensor<4x8xf32>, tensor<f32>) -> tensor<4x8xf32>
  %b = winnow.erf %a : (tensor<4x8xf32>) -> tensor<4x8xf32>
  %c = winnow.add %b, %one : (tensor<4x8xf32>, tensor<f32>) -> tensor<4x8xf32>
  %d = winnow.mul %x, %c : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
  %y = winnow.mul %d, %half : (tensor<4x8xf32>, tensor<f32>) -> tensor<4x8xf32>
  return %y : tensor<4x8xf32>
}

// -----

// CHECK-LABEL: func @half_of_the_sum_first
// CHECK-NEXT: %[[Y:.*]] = winnow.gelu %{{.*}} : (tensor<4x8xf32>)
// CHECK-NEXT: return %[[Y]]
func.func @half_of_the_sum_first(%x: tensor<4x8xf32>) -> tensor<4x8xf32> {
  %r2 = winnow.constant dense<0.70710677> : tensor<f32>
  %one = winnow.constant dense<1.0> : tensor<f32>
  %half = winnow.constant dense<0.5> : tensor<f32>
  %a = winnow.mul %r2, %x : (tensor<f32>, tensor<4x8xf32>) -> tensor<4x8xf32>
  %b = winnow.erf %a : (tensor<4x8xf32>) -> tensor<4x8xf32>
  %c = winnow.add %one, %b : (tensor<f32>, tensor<4x8xf32>) -> tensor<4x8xf32>
  %d = winnow.mul %half, %c : (tensor<f32>, tensor<4x8xf32>) -> tensor<4x8xf32>
  %y = winnow.mul %d, %x : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
  return %y : tensor<4x8xf32>
}

// -----

// CHECK-LABEL: func @half_of_x_first
// CHECK-NEXT: %[[Y:.*]] = winnow.gelu %{{.*}} : (tensor<4x8xf32>)
// CHECK-NEXT: return %[[Y]]
func.func @half_of_x_first(%x: tensor<4x8xf32>) -> tensor<4x8xf32> {
  %r2 = winnow.constant dense<0.7071> : tensor<f32>
  %one = winnow.constant dense<1.0> : tensor<f32>
  %half = winnow.constant dense<2.0> : tensor<f32>
  %a = winnow.mul %r2, %x : (tensor<f32>, tensor<4x8xf32>) -> tensor<4x8xf32>
  %b = winnow.erf %a : (tensor<4x8xf32>) -> tensor<4x8xf32>
  %c = winnow.add %one, %b : (tensor<f32>, tensor<4x8xf32>) -> tensor<4x8xf32>
  %d = winnow.div %x, %half : (tensor<4x8xf32>, tensor<f32>) -> tensor<4x8xf32>
  %y = winnow.mul %c, %d : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
  return %y : tensor<4x8xf32>
}

// -----

// CHECK-LABEL: func @tanh_with_power
// CHECK-NEXT: %[[Y:.*]] = winnow.gelu %{{.*}} {tanh_approximation} : (tensor<4x8xf32>)
// CHECK-NEXT: return %[[Y]]
func.func @tanh_with_power(%x: tensor<4x8xf32>) -> tensor<4x8xf32> {
  %c3 = winnow.constant dense<0.044715> : tensor<f32>
  %s = winnow.constant dense<0.797884583> : tensor<f32>
  %one = winnow.constant dense<1.0> : tensor<f32>
  %half = winnow.constant dense<0.5> : tensor<f32>
  %three = winnow.constant dense<3.0> : tensor<f32>
  %p = winnow.pow %x, %three : (tensor<4x8xf32>, tensor<f32>) -> tensor<4x8xf32>
  %q = winnow.mul %p, %c3 : (tensor<4x8xf32>, tensor<f32>) -> tensor<4x8xf32>
  %r = winnow.add %x, %q : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
  %t = winnow.mul %s, %r : (tensor<f32>, tensor<4x8xf32>) -> tensor<4x8xf32>
  %b = winnow.tanh %t : (tensor<4x8xf32>) -> tensor<4x8xf32>
  %c = winnow.add %b, %one : (tensor<4x8xf32>, tensor<f32>) -> tensor<4x8xf32>
  %h = winnow.mul %half, %x : (tensor<f32>, tensor<4x8xf32>) -> tensor<4x8xf32>
  %y = winnow.mul %h, %c : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
  return %y : tensor<4x8xf32>
}

// -----

// CHECK-LABEL: func @tanh_with_products
// CHECK-NEXT: %[[Y:.*]] = winnow.gelu %{{.*}} {tanh_approximation} : (tensor<4x8xf32>)
// CHECK-NEXT: return %[[Y]]
func.func @tanh_with_products(%x: tensor<4x8xf32>) -> tensor<4x8xf32> {
  %c3 = winnow.constant dense<0.044715> : tensor<f32>
  %s = winnow.constant dense<0.797884583> : tensor<f32>
  %one = winnow.constant dense<1.0> : tensor<f32>
  %half = winnow.constant dense<0.5> : tensor<f32>
  %x2 = winnow.mul %x, %x : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
  %q = winnow.mul %x2, %c3 : (tensor<4x8xf32>, tensor<f32>) -> tensor<4x8xf32>
  %r = winnow.add %q, %one : (tensor<4x8xf32>, tensor<f32>) -> tensor<4x8xf32>
  %sx = winnow.mul %x, %s : (tensor<4x8xf32>, tensor<f32>) -> tensor<4x8xf32>
  %t = winnow.mul %sx, %r : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
  %b = winnow.tanh %t : (tensor<4x8xf32>) -> tensor<4x8xf32>
  %c = winnow.add %b, %one : (tensor<4x8xf32>, tensor<f32>) -> tensor<4x8xf32>
  %h = winnow.mul %x, %c : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
  %y = winnow.mul %h, %half : (tensor<4x8xf32>, tensor<f32>) -> tensor<4x8xf32>
  return %y : tensor<4x8xf32>
}

// -----

// The sum may be x, however far the search could look through it.
// CHECK-LABEL: func @x_is_a_sum
// CHECK-NEXT: %[[Z:.*]] = winnow.add
// CHECK-NEXT: %[[Y:.*]] = winnow.gelu %[[Z]]
// CHECK-NEXT: return %[[Y]]
func.func @x_is_a_sum(%x: tensor<4x8xf32>) -> tensor<4x8xf32> {
  %r2 = winnow.constant dense<1.41421354> : tensor<f32>
  %one = winnow.constant dense<1.0> : tensor<f32>
  %half = winnow.constant dense<0.5> : tensor<f32>
  %z = winnow.add %x, %x : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
  %a = winnow.div %z, %r2 : (tensor<4x8xf32>, tensor<f32>) -> tensor<4x8xf32>
  %b = winnow.erf %a : (tensor<4x8xf32>) -> tensor<4x8xf32>
  %c = winnow.add %b, %one : (tensor<4x8xf32>, tensor<f32>) -> tensor<4x8xf32>
  %d = winnow.mul %z, %c : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
  %y = winnow.mul %d, %half : (tensor<4x8xf32>, tensor<f32>) -> tensor<4x8xf32>
  return %y : tensor<4x8xf32>
}

// -----

// CHECK: applied = false, code = "gelu.argument"
// CHECK-SAME: sentence = "expected the argument 0.71 x^1, got 0.67 x^1"
// CHECK-LABEL: func @wrong_argument
// CHECK-NOT: winnow.gelu
// CHECK: return
func.func @wrong_argument(%x: tensor<4x8xf32>) -> tensor<4x8xf32> {
  %r2 = winnow.constant dense<1.5> : tensor<f32>
  %one = winnow.constant dense<1.0> : tensor<f32>
  %half = winnow.constant dense<0.5> : tensor<f32>
  %a = winnow.div %x, %r2 : (tensor<4x8xf32>, tensor<f32>) -> tensor<4x8xf32>
  %b = winnow.erf %a : (tensor<4x8xf32>) -> tensor<4x8xf32>
  %c = winnow.add %b, %one : (tensor<4x8xf32>, tensor<f32>) -> tensor<4x8xf32>
  %d = winnow.mul %x, %c : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
  %y = winnow.mul %d, %half : (tensor<4x8xf32>, tensor<f32>) -> tensor<4x8xf32>
  return %y : tensor<4x8xf32>
}

// -----

// CHECK: applied = false, code = "gelu.form"
// CHECK-SAME: sentence = "1 + erf is not multiplied by x and 0.5 alone"
// CHECK-LABEL: func @wrong_factor
// CHECK-NOT: winnow.gelu
// CHECK: return
func.func @wrong_factor(%x: tensor<4x8xf32>) -> tensor<4x8xf32> {
  %r2 = winnow.constant dense<1.41421354> : tensor<f32>
  %one = winnow.constant dense<1.0> : tensor<f32>
  %half = winnow.constant dense<0.25> : tensor<f32>
  %a = winnow.div %x, %r2 : (tensor<4x8xf32>, tensor<f32>) -> tensor<4x8xf32>
  %b = winnow.erf %a : (tensor<4x8xf32>) -> tensor<4x8xf32>
  %c = winnow.add %b, %one : (tensor<4x8xf32>, tensor<f32>) -> tensor<4x8xf32>
  %d = winnow.mul %x, %c : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
  %y = winnow.mul %d, %half : (tensor<4x8xf32>, tensor<f32>) -> tensor<4x8xf32>
  return %y : tensor<4x8xf32>
}

// -----

// CHECK: applied = false, code = "gelu.form"
// CHECK-SAME: sentence = "1 + erf
// CHECK-LABEL: func @sum_used_twice
// CHECK-NOT: winnow.gelu
// CHECK: return
func.func @sum_used_twice(%x: tensor<4x8xf32>) -> tensor<4x8xf32> {
  %r2 = winnow.constant dense<1.41421354> : tensor<f32>
  %one = winnow.constant dense<1.0> : tensor<f32>
  %half = winnow.constant dense<0.5> : tensor<f32>
  %a = winnow.div %x, %r2 : (tensor<4x8xf32>, tensor<f32>) -> tensor<4x8xf32>
  %b = winnow.erf %a : (tensor<4x8xf32>) -> tensor<4x8xf32>
  %c = winnow.add %b, %one : (tensor<4x8xf32>, tensor<f32>) -> tensor<4x8xf32>
  %d = winnow.mul %x, %c : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
  %e = winnow.mul %d, %half : (tensor<4x8xf32>, tensor<f32>) -> tensor<4x8xf32>
  %y = winnow.mul %e, %c : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
  return %y : tensor<4x8xf32>
}

// -----

// CHECK-NOT: winnow.report
// CHECK-LABEL: func @pooler
// CHECK-NEXT: winnow.tanh
func.func @pooler(%x: tensor<4x8xf32>) -> tensor<4x8xf32> {
  %y = winnow.tanh %x : (tensor<4x8xf32>) -> tensor<4x8xf32>
  return %y : tensor<4x8xf32>
}

// -----

// x (0.5 + 0.5 erf(x / sqrt 2)), where the half is inside the sum.
// CHECK-LABEL: func @half_inside
// CHECK-NEXT: %[[R:.*]] = winnow.gelu %arg0
// CHECK-NEXT: return %[[R]]
func.func @half_inside(%x: tensor<4x8xf32>) -> tensor<4x8xf32> {
  %r = winnow.constant dense<0.707106769> : tensor<f32>
  %half = winnow.constant dense<0.5> : tensor<f32>
  %0 = winnow.mul %x, %r : (tensor<4x8xf32>, tensor<f32>) -> tensor<4x8xf32>
  %1 = winnow.erf %0 : (tensor<4x8xf32>) -> tensor<4x8xf32>
  %2 = winnow.mul %1, %half : (tensor<4x8xf32>, tensor<f32>) -> tensor<4x8xf32>
  %3 = winnow.add %2, %half : (tensor<4x8xf32>, tensor<f32>) -> tensor<4x8xf32>
  %4 = winnow.mul %3, %x : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
  return %4 : tensor<4x8xf32>
}

// -----

// x/2 + x/2 tanh(...), where x/2 is distributed.
// CHECK-LABEL: func @distributed
// CHECK-NEXT: %[[R:.*]] = winnow.gelu %arg0 {tanh_approximation}
// CHECK-NEXT: return %[[R]]
func.func @distributed(%x: tensor<4x8xf32>) -> tensor<4x8xf32> {
  %s = winnow.constant dense<0.797884583> : tensor<f32>
  %c = winnow.constant dense<4.471500e-02> : tensor<f32>
  %half = winnow.constant dense<0.5> : tensor<f32>
  %h = winnow.mul %x, %half : (tensor<4x8xf32>, tensor<f32>) -> tensor<4x8xf32>
  %0 = winnow.mul %x, %x : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
  %1 = winnow.mul %0, %x : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
  %2 = winnow.mul %1, %c : (tensor<4x8xf32>, tensor<f32>) -> tensor<4x8xf32>
  %3 = winnow.add %x, %2 : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
  %4 = winnow.mul %3, %s : (tensor<4x8xf32>, tensor<f32>) -> tensor<4x8xf32>
  %5 = winnow.tanh %4 : (tensor<4x8xf32>) -> tensor<4x8xf32>
  %6 = winnow.mul %h, %5 : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
  %7 = winnow.add %6, %h : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
  return %7 : tensor<4x8xf32>
}
