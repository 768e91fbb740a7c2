output "server" {
  description = "The server itself, which migrations talk to: host, port and database."
  value       = "${aws_db_instance.database.address}:${aws_db_instance.database.port}/sortie"
}

output "address" {
  description = "What everybody else talks to: the proxy if there is one."
  value       = var.database.proxy ? "${aws_db_proxy.proxy[0].endpoint}:5432/sortie" : "${aws_db_instance.database.address}:${aws_db_instance.database.port}/sortie"
}

output "owner" {
  description = "The user that owns the database."
  value       = aws_db_instance.database.username
}

output "owner_arn" {
  description = "The secret with the owner's password."
  value       = aws_db_instance.database.master_user_secret[0].secret_arn
}
