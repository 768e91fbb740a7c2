//! A new migration must be compiled in, which cargo cannot see by itself.

fn main() {
    println!("cargo:rerun-if-changed=migrations");
}
