// RUN: winnow-opt %s --split-input-file --winnow-simplify-idioms --canonicalize | FileCheck %s

// A mask of numbers is multiplied by a condition.
// CHECK-LABEL: func @product_of_choices
// CHECK-DAG: %[[BOTH:.*]] = winnow.and %arg0, %arg1
// CHECK-DAG: %[[LOW:.*]] = winnow.constant dense<-1.000000e+09>
// CHECK-DAG: %[[ZERO:.*]] = winnow.constant dense<0.000000e+00>
// CHECK: %[[S:.*]] = winnow.select %[[BOTH]], %[[LOW]], %[[ZERO]]
// CHECK-NEXT: return %[[S]]
func.func @product_of_choices(%a: tensor<4x4xi1>, %b: tensor<4x1xi1>) -> tensor<4x4xf32> {
  %low = winnow.constant dense<-1.0e9> : tensor<f32>
  %zero = winnow.constant dense<0.0> : tensor<f32>
  %0 = winnow.select %a, %low, %zero : (tensor<4x4xi1>, tensor<f32>, tensor<f32>) -> tensor<4x4xf32>
  %1 = winnow.cast %b : (tensor<4x1xi1>) -> tensor<4x1xf32>
  %2 = winnow.mul %0, %1 : (tensor<4x4xf32>, tensor<4x1xf32>) -> tensor<4x4xf32>
  return %2 : tensor<4x4xf32>
}

// -----

// Minus infinity times 0 is NaN.
// CHECK-LABEL: func @product_of_infinity
// CHECK: winnow.mul
func.func @product_of_infinity(%a: tensor<4x4xi1>, %b: tensor<4x4xi1>) -> tensor<4x4xf32> {
  %low = winnow.constant dense<0xFF800000> : tensor<f32>
  %zero = winnow.constant dense<0.0> : tensor<f32>
  %0 = winnow.select %a, %low, %zero : (tensor<4x4xi1>, tensor<f32>, tensor<f32>) -> tensor<4x4xf32>
  %1 = winnow.cast %b : (tensor<4x4xi1>) -> tensor<4x4xf32>
  %2 = winnow.mul %0, %1 : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
  return %2 : tensor<4x4xf32>
}

// -----

// CHECK-LABEL: func @nested_choice
// CHECK: %[[OR:.*]] = winnow.or %arg0, %arg1
// CHECK: winnow.select %[[OR]], %{{.*}}, %{{.*}} : (tensor<4x4xi1>, tensor<f32>, tensor<f32>)
func.func @nested_choice(%a: tensor<4x4xi1>, %b: tensor<1x4xi1>) -> tensor<4x4xf32> {
  %low = winnow.constant dense<-1.0e9> : tensor<f32>
  %zero = winnow.constant dense<0.0> : tensor<f32>
  %0 = winnow.select %b, %low, %zero : (tensor<1x4xi1>, tensor<f32>, tensor<f32>) -> tensor<1x4xf32>
  %1 = winnow.select %a, %low, %0 : (tensor<4x4xi1>, tensor<f32>, tensor<1x4xf32>) -> tensor<4x4xf32>
  return %1 : tensor<4x4xf32>
}

// -----

// Two fills stay two.
// CHECK-LABEL: func @nested_fills
// CHECK-COUNT-2: winnow.select
func.func @nested_fills(%a: tensor<4x4xi1>, %b: tensor<1x4xi1>) -> tensor<4x4xf32> {
  %low = winnow.constant dense<-1.0e9> : tensor<f32>
  %lower = winnow.constant dense<-2.0e9> : tensor<f32>
  %zero = winnow.constant dense<0.0> : tensor<f32>
  %0 = winnow.select %b, %low, %zero : (tensor<1x4xi1>, tensor<f32>, tensor<f32>) -> tensor<1x4xf32>
  %1 = winnow.select %a, %lower, %0 : (tensor<4x4xi1>, tensor<f32>, tensor<1x4xf32>) -> tensor<4x4xf32>
  return %1 : tensor<4x4xf32>
}

// -----

// CHECK-LABEL: func @absorb
// CHECK: %[[OR:.*]] = winnow.or %arg0, %arg1
// CHECK: %[[AND:.*]] = winnow.and %arg0, %arg1
// CHECK: return %[[OR]], %[[AND]]
func.func @absorb(%c: tensor<4x1xi1>, %p: tensor<1x4xi1>) -> (tensor<4x4xi1>, tensor<4x4xi1>) {
  %0 = winnow.not %c : (tensor<4x1xi1>) -> tensor<4x1xi1>
  %1 = winnow.and %0, %p : (tensor<4x1xi1>, tensor<1x4xi1>) -> tensor<4x4xi1>
  %2 = winnow.or %c, %1 : (tensor<4x1xi1>, tensor<4x4xi1>) -> tensor<4x4xi1>
  %3 = winnow.or %p, %0 : (tensor<1x4xi1>, tensor<4x1xi1>) -> tensor<4x4xi1>
  %4 = winnow.and %3, %c : (tensor<4x4xi1>, tensor<4x1xi1>) -> tensor<4x4xi1>
  return %2, %4 : tensor<4x4xi1>, tensor<4x4xi1>
}

// -----

// Padding where the mask of numbers is 0: integers never make up for the lowest
// float.
// CHECK-LABEL: func @compare_of_sum
// CHECK-DAG: %[[N:.*]] = winnow.not %arg0
// CHECK-DAG: %[[E:.*]] = winnow.compare eq %{{.*}}, %{{.*}} : (tensor<1x4xf32>, tensor<f32>) -> tensor<1x4xi1>
// CHECK: %[[A:.*]] = winnow.and %[[N]], %[[E]]
// CHECK-NEXT: return %[[A]]
func.func @compare_of_sum(%c: tensor<4x4xi1>, %m: tensor<1x4xi64>) -> tensor<4x4xi1> {
  %low = winnow.constant dense<-3.40282347E+38> : tensor<f32>
  %zero = winnow.constant dense<0.0> : tensor<f32>
  %0 = winnow.select %c, %low, %zero : (tensor<4x4xi1>, tensor<f32>, tensor<f32>) -> tensor<4x4xf32>
  %1 = winnow.cast %m : (tensor<1x4xi64>) -> tensor<1x4xf32>
  %2 = winnow.add %0, %1 : (tensor<4x4xf32>, tensor<1x4xf32>) -> tensor<4x4xf32>
  %3 = winnow.compare eq %2, %zero : (tensor<4x4xf32>, tensor<f32>) -> tensor<4x4xi1>
  return %3 : tensor<4x4xi1>
}

// -----

// -1000 may make up for 1000.
// CHECK-LABEL: func @compare_of_small_sum
// CHECK: winnow.add
func.func @compare_of_small_sum(%c: tensor<4xi1>, %m: tensor<4xi64>) -> tensor<4xi1> {
  %low = winnow.constant dense<-1000.0> : tensor<f32>
  %zero = winnow.constant dense<0.0> : tensor<f32>
  %0 = winnow.select %c, %low, %zero : (tensor<4xi1>, tensor<f32>, tensor<f32>) -> tensor<4xf32>
  %1 = winnow.cast %m : (tensor<4xi64>) -> tensor<4xf32>
  %2 = winnow.add %0, %1 : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %3 = winnow.compare eq %2, %zero : (tensor<4xf32>, tensor<f32>) -> tensor<4xi1>
  return %3 : tensor<4xi1>
}

// -----

!long = tensor<?x?xi1, affine_map<()[s0, s1] -> (s0, s1)>>
!part = tensor<?x?xi1, affine_map<()[s0, s1] -> (s0, s0)>>
!partf = tensor<?x?xf32, affine_map<()[s0, s1] -> (s0, s0)>>
!longf = tensor<?x?xf32, affine_map<()[s0, s1] -> (s0, s1)>>

// The first part of a causal mask compares fewer positions.
// CHECK-LABEL: func @slice_above_condition
// CHECK-NOT: winnow.slice
// CHECK: %[[C:.*]] = winnow.compare gt %{{.*}}, %{{.*}} : {{.*}} -> tensor<?x?xi1, #[[PART:map[0-9]*]]>
// CHECK: winnow.select %[[C]], {{.*}} -> tensor<?x?xf32, #[[PART]]>
func.func @slice_above_condition() -> !partf attributes {winnow.symbols = [{name = "s", min = 0, max = 64}, {name = "t", min = 0, max = 64}]} {
  %low = winnow.constant dense<-1.0e9> : tensor<f32>
  %zero = winnow.constant dense<0.0> : tensor<f32>
  %k = winnow.iota {start = 0 : i64, step = 1 : i64} : tensor<?xi64, affine_map<()[s0, s1] -> (s1)>>
  %q = winnow.iota {start = 0 : i64, step = 1 : i64} : tensor<?xi64, affine_map<()[s0, s1] -> (s0)>>
  %q2 = winnow.reshape %q : (tensor<?xi64, affine_map<()[s0, s1] -> (s0)>>) -> tensor<?x1xi64, affine_map<()[s0, s1] -> (s0, 1)>>
  %c = winnow.compare gt %k, %q2 : (tensor<?xi64, affine_map<()[s0, s1] -> (s1)>>, tensor<?x1xi64, affine_map<()[s0, s1] -> (s0, 1)>>) -> !long
  %m = winnow.select %c, %low, %zero : (!long, tensor<f32>, tensor<f32>) -> !longf
  %s = winnow.slice %m at affine_map<()[s0, s1] -> (0, 0)> step [1, 1] : (!longf) -> !partf
  return %s : !partf
}

// -----

!c = tensor<?x?xi1, affine_map<()[s0, s1] -> (s0, s0 + s1)>>
!k = tensor<?xi64, affine_map<()[s0, s1] -> (s0 + s1)>>
!q = tensor<?x1xi64, affine_map<()[s0, s1] -> (s0, 1)>>

// Keys behind the query's position among all keys are behind its own number.
// CHECK-LABEL: func @implied_comparison
// CHECK-SAME: %[[K:[a-z0-9]*]]: tensor<?xi64
// CHECK-DAG: %[[AT:.*]] = winnow.compare gt %{{.*}}, %[[POS:.*]] :
// CHECK-DAG: %[[GE:.*]] = winnow.compare ge
// CHECK: return %[[AT]], %[[GE]]
func.func @implied_comparison(%unused: tensor<?xi64, affine_map<()[s0, s1] -> (s1)>>) -> (!c, !c) attributes {winnow.symbols = [{name = "s", min = 0, max = 64}, {name = "past", min = 0, max = 64}]} {
  %one = winnow.constant dense<1> : tensor<i64>
  %past = winnow.dim_values affine_map<()[s0, s1] -> (s1)> : tensor<i64>
  %k = winnow.iota {start = 0 : i64, step = 1 : i64} : !k
  %i = winnow.iota {start = 0 : i64, step = 1 : i64} : tensor<?xi64, affine_map<()[s0, s1] -> (s0)>>
  %q = winnow.reshape %i : (tensor<?xi64, affine_map<()[s0, s1] -> (s0)>>) -> !q
  %next = winnow.add %q, %one : (!q, tensor<i64>) -> !q
  %at = winnow.add %q, %past : (!q, tensor<i64>) -> !q
  %0 = winnow.compare ge %k, %next : (!k, !q) -> !c
  %1 = winnow.compare gt %k, %at : (!k, !q) -> !c
  %2 = winnow.and %0, %1 : (!c, !c) -> !c
  %3 = winnow.or %0, %1 : (!c, !c) -> !c
  return %2, %3 : !c, !c
}

// -----

!m = tensor<?x?xf32, affine_map<()[s0, s1] -> (s0, s1)>>
!at = tensor<?x?x1xi64, affine_map<()[s0, s1] -> (s0, s1, 1)>>
!two = tensor<?x?x2xi64, affine_map<()[s0, s1] -> (s0, s1, 2)>>

// How TorchScript writes `mask[:, :n] = updates` where n is all of it.
// CHECK-LABEL: func @scatter_everything
// CHECK-NEXT: return %arg1
func.func @scatter_everything(%m: !m, %u: !m) -> !m {
  %0 = winnow.iota {start = 0 : i64, step = 1 : i64} : tensor<?xi64, affine_map<()[s0, s1] -> (s0)>>
  %1 = winnow.iota {start = 0 : i64, step = 1 : i64} : tensor<?xi64, affine_map<()[s0, s1] -> (s1)>>
  %2 = winnow.reshape %0 : (tensor<?xi64, affine_map<()[s0, s1] -> (s0)>>) -> tensor<?x1x1xi64, affine_map<()[s0, s1] -> (s0, 1, 1)>>
  %3 = winnow.reshape %1 : (tensor<?xi64, affine_map<()[s0, s1] -> (s1)>>) -> tensor<1x?x1xi64, affine_map<()[s0, s1] -> (1, s1, 1)>>
  %4 = winnow.broadcast_to %2 : (tensor<?x1x1xi64, affine_map<()[s0, s1] -> (s0, 1, 1)>>) -> !at
  %5 = winnow.broadcast_to %3 : (tensor<1x?x1xi64, affine_map<()[s0, s1] -> (1, s1, 1)>>) -> !at
  %6 = winnow.concat %4, %5 {axis = 2 : i64} : (!at, !at) -> !two
  %7 = winnow.scatter_nd %m, %6, %u : (!m, !two, !m) -> !m
  return %7 : !m
}

// -----

!row = tensor<?x4xf32, affine_map<()[s0] -> (s0, 4)>>
!at = tensor<2x?x1xi64, affine_map<()[s0] -> (2, s0, 1)>>

// Each row is written twice, and the last one counts.
// CHECK-LABEL: func @scatter_twice
// CHECK: winnow.scatter_nd
func.func @scatter_twice(%m: !row, %u: tensor<2x?x4xf32, affine_map<()[s0] -> (2, s0, 4)>>) -> !row {
  %0 = winnow.iota {start = 0 : i64, step = 1 : i64} : tensor<?xi64, affine_map<()[s0] -> (s0)>>
  %1 = winnow.reshape %0 : (tensor<?xi64, affine_map<()[s0] -> (s0)>>) -> tensor<1x?x1xi64, affine_map<()[s0] -> (1, s0, 1)>>
  %2 = winnow.broadcast_to %1 : (tensor<1x?x1xi64, affine_map<()[s0] -> (1, s0, 1)>>) -> !at
  %3 = winnow.concat %2 {axis = 2 : i64} : (!at) -> !at
  %4 = winnow.scatter_nd %m, %3, %u : (!row, !at, tensor<2x?x4xf32, affine_map<()[s0] -> (2, s0, 4)>>) -> !row
  return %4 : !row
}

// -----

// CHECK-LABEL: func @reshape_above_boolean
// CHECK: %[[R:.*]] = winnow.reshape %arg0 : (tensor<4x4xi1>) -> tensor<1x4x4xi1>
// CHECK: winnow.select %[[R]]
func.func @reshape_above_boolean(%c: tensor<4x4xi1>) -> tensor<1x4x4xf32> {
  %low = winnow.constant dense<-1.0e9> : tensor<f32>
  %0 = winnow.cast %c : (tensor<4x4xi1>) -> tensor<4x4xf32>
  %1 = winnow.reshape %0 : (tensor<4x4xf32>) -> tensor<1x4x4xf32>
  %2 = winnow.mul %1, %low : (tensor<1x4x4xf32>, tensor<f32>) -> tensor<1x4x4xf32>
  return %2 : tensor<1x4x4xf32>
}

// -----

// CHECK-LABEL: func @choice_of_zero
// CHECK-DAG: %[[ZERO:.*]] = winnow.constant dense<0.000000e+00>
// CHECK-DAG: %[[C:.*]] = winnow.cast %arg0
// CHECK: winnow.select %[[C]], %{{.*}}, %[[ZERO]]
func.func @choice_of_zero(%x: tensor<4xf32>) -> tensor<4xf32> {
  %low = winnow.constant dense<-1.0e9> : tensor<f32>
  %0 = winnow.cast %x : (tensor<4xf32>) -> tensor<4xi1>
  %1 = winnow.select %0, %low, %x : (tensor<4xi1>, tensor<f32>, tensor<4xf32>) -> tensor<4xf32>
  return %1 : tensor<4xf32>
}

// -----

!i = tensor<?xi64, affine_map<()[s0, s1] -> (s0)>>
!column = tensor<?x1xi64, affine_map<()[s0, s1] -> (s0, 1)>>
!visible = tensor<?x?xi1, affine_map<()[s0, s1] -> (s0, s0)>>
!new = tensor<?x?xf32, affine_map<()[s0, s1] -> (s0, s0)>>
!past = tensor<?x?xf32, affine_map<()[s0, s1] -> (s0, s1)>>
!all = tensor<?x?xf32, affine_map<()[s0, s1] -> (s0, s0 + s1)>>

// What a mask puts before positions is what comparing earlier ones gives.
// CHECK-LABEL: func @concat_of_positions
// CHECK-NOT: winnow.concat
// CHECK: %[[P:.*]] = winnow.dim_values #{{.*}} : tensor<i64>
// CHECK: %[[K:.*]] = winnow.add %{{.*}}, %[[P]]
// CHECK: %[[C:.*]] = winnow.compare lt %[[K]], %{{.*}} -> tensor<?x?xi1
// CHECK: %[[M:.*]] = winnow.select %[[C]]
// CHECK: return %[[M]]
func.func @concat_of_positions() -> !all attributes {winnow.symbols = [{name = "s", min = 0, max = 64}, {name = "past", min = 0, max = 64}]} {
  %zero = winnow.constant dense<0.0> : tensor<f32>
  %low = winnow.constant dense<-3.40282347E+38> : tensor<f32>
  %one = winnow.constant dense<1> : tensor<i64>
  %i = winnow.iota {start = 0 : i64, step = 1 : i64} : !i
  %n = winnow.add %i, %one : (!i, tensor<i64>) -> !i
  %c = winnow.reshape %n : (!i) -> !column
  %v = winnow.compare lt %i, %c : (!i, !column) -> !visible
  %m = winnow.select %v, %zero, %low : (!visible, tensor<f32>, tensor<f32>) -> !new
  %z = winnow.broadcast_to %zero : (tensor<f32>) -> !past
  %0 = winnow.concat %z, %m {axis = 1 : i64} : (!past, !new) -> !all
  return %0 : !all
}

// -----

!i = tensor<?xi64, affine_map<()[s0, s1] -> (s0)>>
!column = tensor<?x1xi64, affine_map<()[s0, s1] -> (s0, 1)>>
!visible = tensor<?x?xi1, affine_map<()[s0, s1] -> (s0, s0)>>
!new = tensor<?x?xf32, affine_map<()[s0, s1] -> (s0, s0)>>
!past = tensor<?x?xf32, affine_map<()[s0, s1] -> (s0, s1)>>
!all = tensor<?x?xf32, affine_map<()[s0, s1] -> (s0, s0 + s1)>>

// The first query sees no key of two before its own: the last of the past would
// be hidden.
// CHECK-LABEL: func @concat_of_visible
// CHECK: winnow.concat
func.func @concat_of_visible() -> !all attributes {winnow.symbols = [{name = "s", min = 0, max = 64}, {name = "past", min = 0, max = 64}]} {
  %zero = winnow.constant dense<0.0> : tensor<f32>
  %low = winnow.constant dense<-3.40282347E+38> : tensor<f32>
  %two = winnow.constant dense<2> : tensor<i64>
  %i = winnow.iota {start = 0 : i64, step = 1 : i64} : !i
  %n = winnow.sub %i, %two : (!i, tensor<i64>) -> !i
  %c = winnow.reshape %n : (!i) -> !column
  %v = winnow.compare ge %c, %i : (!column, !i) -> !visible
  %m = winnow.select %v, %zero, %low : (!visible, tensor<f32>, tensor<f32>) -> !new
  %z = winnow.broadcast_to %zero : (tensor<f32>) -> !past
  %0 = winnow.concat %z, %m {axis = 1 : i64} : (!past, !new) -> !all
  return %0 : !all
}

// -----

!i = tensor<?xi64, affine_map<()[s0, s1] -> (s0)>>
!column = tensor<?x1xi64, affine_map<()[s0, s1] -> (s0, 1)>>
!visible = tensor<?x?xi1, affine_map<()[s0, s1] -> (s0, s0)>>
!new = tensor<?x?xf32, affine_map<()[s0, s1] -> (s0, s0)>>
!past = tensor<?x?xf32, affine_map<()[s0, s1] -> (s0, s1)>>
!all = tensor<?x?xf32, affine_map<()[s0, s1] -> (s0, s0 + s1)>>

// The past is hidden, where a query sees its own and earlier keys.
// CHECK-LABEL: func @concat_of_hidden
// CHECK: winnow.concat
func.func @concat_of_hidden() -> !all attributes {winnow.symbols = [{name = "s", min = 0, max = 64}, {name = "past", min = 0, max = 64}]} {
  %zero = winnow.constant dense<0.0> : tensor<f32>
  %low = winnow.constant dense<-3.40282347E+38> : tensor<f32>
  %i = winnow.iota {start = 0 : i64, step = 1 : i64} : !i
  %c = winnow.reshape %i : (!i) -> !column
  %v = winnow.compare gt %i, %c : (!i, !column) -> !visible
  %m = winnow.select %v, %low, %zero : (!visible, tensor<f32>, tensor<f32>) -> !new
  %z = winnow.broadcast_to %low : (tensor<f32>) -> !past
  %0 = winnow.concat %z, %m {axis = 1 : i64} : (!past, !new) -> !all
  return %0 : !all
}

// -----

// A mask of pairs is not 0 where both factors are not.

// CHECK-LABEL: func.func @boolean_of_product
// CHECK-DAG: %[[A:.*]] = winnow.cast %arg0 : (tensor<2x1xi64>) -> tensor<2x1xi1>
// CHECK-DAG: %[[B:.*]] = winnow.cast %arg1 : (tensor<1x3xi64>) -> tensor<1x3xi1>
// CHECK: winnow.and %[[A]], %[[B]]
func.func @boolean_of_product(%a: tensor<2x1xi64>, %b: tensor<1x3xi64>) -> tensor<2x3xi1> {
  %0 = winnow.mul %a, %b : (tensor<2x1xi64>, tensor<1x3xi64>) -> tensor<2x3xi64>
  %1 = winnow.cast %0 : (tensor<2x3xi64>) -> tensor<2x3xi1>
  return %1 : tensor<2x3xi1>
}

// -----

// Floats may be so small that their product is 0.

// CHECK-LABEL: func.func @boolean_of_float_product
// CHECK: winnow.mul
func.func @boolean_of_float_product(%a: tensor<2x1xf32>, %b: tensor<1x3xf32>) -> tensor<2x3xi1> {
  %0 = winnow.mul %a, %b : (tensor<2x1xf32>, tensor<1x3xf32>) -> tensor<2x3xf32>
  %1 = winnow.cast %0 : (tensor<2x3xf32>) -> tensor<2x3xi1>
  return %1 : tensor<2x3xi1>
}

// -----

// What was repeated for heads is not, once the dimension that it shares with the batch is split
// above the sum.

// CHECK-LABEL: func.func @reshape_above_repeated
// CHECK-SAME: (%[[X:.*]]: tensor<2x1x1x5xf32>, %
// CHECK: winnow.add %[[X]], %{{.*}} : (tensor<2x1x1x5xf32>, tensor<1x1x5x5xf32>) -> tensor<2x1x5x5xf32>
func.func @reshape_above_repeated(%x: tensor<2x1x1x5xf32>, %c: tensor<1x5x5xf32>) -> tensor<2x4x5x5xf32> {
  %0 = winnow.broadcast_to %x : (tensor<2x1x1x5xf32>) -> tensor<2x4x1x5xf32>
  %1 = winnow.reshape %0 : (tensor<2x4x1x5xf32>) -> tensor<8x1x5xf32>
  %2 = winnow.add %1, %c : (tensor<8x1x5xf32>, tensor<1x5x5xf32>) -> tensor<8x5x5xf32>
  %3 = winnow.reshape %2 : (tensor<8x5x5xf32>) -> tensor<2x4x5x5xf32>
  return %3 : tensor<2x4x5x5xf32>
}

// -----

// Other values are not repeated for heads.

// CHECK-LABEL: func.func @reshape_of_values
// CHECK: %[[SUM:.*]] = winnow.add %arg0, %arg1 : (tensor<8x5x5xf32>
// CHECK: winnow.reshape %[[SUM]]
func.func @reshape_of_values(%x: tensor<8x5x5xf32>, %c: tensor<1x5x5xf32>) -> tensor<2x4x5x5xf32> {
  %2 = winnow.add %x, %c : (tensor<8x5x5xf32>, tensor<1x5x5xf32>) -> tensor<8x5x5xf32>
  %3 = winnow.reshape %2 : (tensor<8x5x5xf32>) -> tensor<2x4x5x5xf32>
  return %3 : tensor<2x4x5x5xf32>
}

// -----

// Units are nothing that was repeated.

// CHECK-LABEL: func.func @reshape_of_unit
// CHECK: winnow.add {{.*}} -> tensor<8x5xf32>
func.func @reshape_of_unit(%x: tensor<1x1xf32>, %c: tensor<8x5xf32>) -> tensor<1x8x5xf32> {
  %0 = winnow.broadcast_to %x : (tensor<1x1xf32>) -> tensor<1x8x1xf32>
  %1 = winnow.reshape %0 : (tensor<1x8x1xf32>) -> tensor<8x1xf32>
  %2 = winnow.add %1, %c : (tensor<8x1xf32>, tensor<8x5xf32>) -> tensor<8x5xf32>
  %3 = winnow.reshape %2 : (tensor<8x5xf32>) -> tensor<1x8x5xf32>
  return %3 : tensor<1x8x5xf32>
}
