# What bare-metal workers are started from: a launch template. They have no key pair and let nobody
# in, fetch their program from the bucket, and end when there is no work.

resource "aws_s3_object" "program" {
  bucket      = var.bucket
  key         = "programs/${filesha256(var.program)}/sortie-bare-metal"
  source      = var.program
  source_hash = filesha256(var.program)
}

resource "aws_s3_object" "authorities" {
  count = var.authorities == null ? 0 : 1

  bucket      = var.bucket
  key         = "programs/${filesha256(var.authorities)}/rds.pem"
  source      = var.authorities
  source_hash = filesha256(var.authorities)
}

resource "aws_launch_template" "worker" {
  name                   = var.template_name
  description            = "A bare-metal worker of ${var.name}"
  update_default_version = true

  image_id                             = var.image
  instance_type                        = var.instance_type
  instance_initiated_shutdown_behavior = "terminate"
  # And no network interface: a template with one takes no subnet from who launches.
  vpc_security_group_ids = [var.group]
  user_data = base64encode(templatefile("${path.module}/start.sh", {
    environment = join("\n", [for name in sort(keys(var.environment)) : "${name}=${var.environment[name]}"])
    files       = join("\n", [for name, file in local.files : "${file.sha256} ${file.key} ${name}"])
    bucket      = var.bucket
    region      = var.region
  }))

  iam_instance_profile {
    arn = var.profile_arn
  }

  # No version 1: a request that a scanner is talked into cannot ask for credentials. One hop: nor
  # can what runs in a container.
  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
    instance_metadata_tags      = "disabled"
  }

  block_device_mappings {
    device_name = "/dev/xvda"
    ebs {
      volume_type           = "gp3"
      volume_size           = 8
      encrypted             = "true"
      delete_on_termination = "true"
    }
  }

  dynamic "tag_specifications" {
    for_each = toset(["instance", "volume"])
    content {
      resource_type = tag_specifications.value
      tags          = { Name = "${var.name}-bare-metal", sortie = var.name }
    }
  }
}

locals {
  files = merge(
    { sortie-bare-metal = { key = aws_s3_object.program.key, sha256 = filesha256(var.program) } },
    {
      for object in aws_s3_object.authorities :
      "rds.pem" => { key = object.key, sha256 = filesha256(var.authorities) }
    },
  )
}
