// RUN: winnow-opt %s --winnow-place-loop-state | FileCheck %s

// An iteration writes where the next one reads.

// CHECK-LABEL: func @carried
// CHECK: %[[INIT:.*]] = bufferization.alloc_tensor() copy(%arg0)
// CHECK: scf.for {{.*}} iter_args(%[[STATE:.*]] = %[[INIT]])
// CHECK: %[[NEXT:.*]] = linalg.exp
// CHECK: %[[PLACED:.*]] = bufferization.materialize_in_destination %[[NEXT]] in %[[STATE]]
// CHECK: scf.yield %[[PLACED]]
func.func @carried(%x: tensor<4xf32>, %n: index) -> tensor<4xf32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %r = scf.for %i = %c0 to %n step %c1 iter_args(%s = %x) -> tensor<4xf32> {
    %e = tensor.empty() : tensor<4xf32>
    %next = linalg.exp ins(%s : tensor<4xf32>) outs(%e : tensor<4xf32>) -> tensor<4xf32>
    scf.yield %next : tensor<4xf32>
  }
  return %r : tensor<4xf32>
}

// Two values that are swapped are copied aside first.

// CHECK-LABEL: func @swapped
// CHECK: iter_args(%[[A:.*]] = %{{.*}}, %[[B:.*]] = %{{.*}})
// CHECK: %[[OLD_B:.*]] = bufferization.alloc_tensor() copy(%[[B]])
// CHECK: %[[OLD_A:.*]] = bufferization.alloc_tensor() copy(%[[A]])
// CHECK: materialize_in_destination %[[OLD_B]] in %[[A]]
// CHECK: materialize_in_destination %[[OLD_A]] in %[[B]]
func.func @swapped(%x: tensor<4xf32>, %y: tensor<4xf32>, %n: index) -> tensor<4xf32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %r:2 = scf.for %i = %c0 to %n step %c1 iter_args(%a = %x, %b = %y) -> (tensor<4xf32>, tensor<4xf32>) {
    scf.yield %b, %a : tensor<4xf32>, tensor<4xf32>
  }
  return %r#0 : tensor<4xf32>
}

// Slices that are inserted, and a state that stays, are in their place already.

// CHECK-LABEL: func @in_place
// CHECK: iter_args(%[[A:.*]] = %{{.*}}, %[[B:.*]] = %{{.*}})
// CHECK: %[[NEXT:.*]] = tensor.insert_slice
// CHECK: scf.yield %[[NEXT]], %[[B]]
func.func @in_place(%x: tensor<4xf32>, %y: tensor<1xf32>, %n: index) -> tensor<4xf32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %r:2 = scf.for %i = %c0 to %n step %c1 iter_args(%a = %x, %b = %y) -> (tensor<4xf32>, tensor<1xf32>) {
    %next = tensor.insert_slice %b into %a[%i] [1] [1] : tensor<1xf32> into tensor<4xf32>
    scf.yield %next, %b : tensor<4xf32>, tensor<1xf32>
  }
  return %r#0 : tensor<4xf32>
}

// A condition passes on all that it is given, in order.

// CHECK-LABEL: func @while
// CHECK: scf.while (%[[I:.*]] = %{{.*}}, %[[S:.*]] = %{{.*}})
// CHECK: scf.condition(%{{.*}}) %[[I]], %[[S]]
// CHECK: ^bb0(%[[I2:.*]]: index, %[[S2:.*]]: tensor<4xf32>)
// CHECK: materialize_in_destination %{{.*}} in %[[S2]]
func.func @while(%x: tensor<4xf32>, %n: index) -> tensor<4xf32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %r:2 = scf.while (%i = %c0, %s = %x) : (index, tensor<4xf32>) -> (tensor<4xf32>, index) {
    %c = arith.cmpi slt, %i, %n : index
    scf.condition(%c) %s, %i : tensor<4xf32>, index
  } do {
  ^bb0(%s: tensor<4xf32>, %i: index):
    %j = arith.addi %i, %c1 : index
    %e = tensor.empty() : tensor<4xf32>
    %next = linalg.exp ins(%s : tensor<4xf32>) outs(%e : tensor<4xf32>) -> tensor<4xf32>
    scf.yield %j, %next : index, tensor<4xf32>
  }
  return %r#0 : tensor<4xf32>
}

// A branch yields a tensor of its own.

// CHECK-LABEL: func @branch
// CHECK: scf.if
// CHECK: linalg.exp
// CHECK-NEXT: scf.yield
// CHECK: else
// CHECK: %[[COPY:.*]] = bufferization.alloc_tensor() copy(%arg0)
// CHECK: scf.yield %[[COPY]]
func.func @branch(%x: tensor<4xf32>, %c: i1) -> tensor<4xf32> {
  %r = scf.if %c -> tensor<4xf32> {
    %e = tensor.empty() : tensor<4xf32>
    %y = linalg.exp ins(%x : tensor<4xf32>) outs(%e : tensor<4xf32>) -> tensor<4xf32>
    scf.yield %y : tensor<4xf32>
  } else {
    scf.yield %x : tensor<4xf32>
  }
  return %r : tensor<4xf32>
}
