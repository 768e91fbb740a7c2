# PostgreSQL on RDS. The owner's password is made, kept and changed by RDS.

resource "aws_db_subnet_group" "database" {
  name       = var.name
  subnet_ids = var.subnets
}

resource "aws_db_parameter_group" "database" {
  name   = "${var.name}-postgres${var.database.version}"
  family = "postgres${var.database.version}"

  parameter {
    name  = "rds.force_ssl"
    value = "1"
  }

  parameter {
    name  = "password_encryption"
    value = "scram-sha-256"
  }

  lifecycle {
    create_before_destroy = true # a new version takes a new family
  }
}

resource "aws_db_instance" "database" {
  identifier     = var.name
  engine         = "postgres"
  engine_version = var.database.version # the major one: RDS chooses and updates the minor
  instance_class = var.database.instance_class
  multi_az       = var.database.multi_az

  db_name                     = "sortie"
  username                    = "sortie_owner"
  manage_master_user_password = true
  ca_cert_identifier          = "rds-ca-rsa2048-g1"

  db_subnet_group_name   = aws_db_subnet_group.database.name
  vpc_security_group_ids = [var.group]
  publicly_accessible    = false
  parameter_group_name   = aws_db_parameter_group.database.name

  storage_type          = "gp3"
  storage_encrypted     = true
  allocated_storage     = var.database.storage_gib
  max_allocated_storage = var.database.most_storage_gib

  backup_retention_period    = var.database.backup_days
  deletion_protection        = var.database.protected
  skip_final_snapshot        = !var.database.protected
  final_snapshot_identifier  = "${var.name}-last"
  auto_minor_version_upgrade = true
  copy_tags_to_snapshot      = true
}
